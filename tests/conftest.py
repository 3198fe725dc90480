"""What all tests share: the repository's root, real rows where there are some, and a quiet DVC."""

import os
import shutil
from pathlib import Path

import pytest
from clones import Clone, clone_of, working_tree
from filelock import FileLock
from tracks import small

ROOT = Path(__file__).resolve().parent.parent

# Before any library counts the cores, which two test workers share. Stages set their own number from params.yaml.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["DVC_NO_ANALYTICS"] = "1"
LONGEST = ("test_second_machine_over_ssh", "test_two_clones", "test_killed_stage", "test_a_size_more")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The whole pipeline takes minutes on one core: one test starts it at once, the others that need it come last, the
    longest first, so that a second worker has something else to do meanwhile and none is left alone at the end."""
    asking = [item for item in items if "undisturbed" in getattr(item, "fixturenames", ())]
    asking.sort(key=lambda item: not item.name.startswith(LONGEST))
    rest = [item for item in items if item not in set(asking)]
    items[:] = [*asking[:1], *rest, *asking[1:]]


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


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One temporary folder for all test workers."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def origin(shared_folder: Path) -> Clone:
    """A repository of this working tree with :func:`tracks.small` parameters, made once; nothing has run in it."""
    folder = shared_folder / "origin"
    with FileLock(shared_folder / "origin.lock"):
        if not (folder / ".git" / "made").exists():
            made = working_tree(folder)
            made.edit_params(small)
            made.commit("Small parameters")
            (folder / ".git" / "made").touch()
    return Clone(folder)


@pytest.fixture(scope="session")
def undisturbed(shared_folder: Path, origin: Clone) -> Clone:
    """A clone of :func:`origin` after one whole ``dvc repro``. Look, don't touch: copy it with ``copy_of``."""
    folder = shared_folder / "undisturbed"
    with FileLock(shared_folder / "undisturbed.lock"):
        if not (folder / ".git" / "made").exists():
            shutil.rmtree(folder, ignore_errors=True)
            made = clone_of(origin, folder, hash_seed=1)
            made.dvc("pull", "data.dvc")
            (folder / ".git" / "log").write_text(made.dvc("repro"), encoding="utf-8")
            made.commit("Results")
            (folder / ".git" / "made").touch()
    return Clone(folder, hash_seed=1)
