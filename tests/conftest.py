"""What all tests share: the repository's root, real rows where there are some, and a quiet DVC."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Before any library counts the cores: two test workers share a small machine. Stages set their own number from params.yaml.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["DVC_NO_ANALYTICS"] = "1"


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real rows: ``RANKPIPE_REAL_DATA``, else ``../shared/data`` beside the checkout."""
    folder = Path(os.environ.get("RANKPIPE_REAL_DATA") or ROOT.parent / "shared" / "data")
    if not folder.is_dir():
        pytest.skip(f"no real rows: {folder} isn't there; set RANKPIPE_REAL_DATA to a folder that holds toss-ctr/")
    return folder
