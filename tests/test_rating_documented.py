"""Real reviews read as docs/rating.md says: its very blocks of params.yaml, on the files they name."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from rating_raw import run, workspace
from ruamel.yaml import YAML

from rankpipe.rating import table

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def documented(here: Path, data: Path, name: str) -> dict[str, int]:
    """Extract and convert ``data`` as docs/rating.md says in the block that names the file ``name``; rows by split."""
    if not (data / name).is_file():
        pytest.skip(f"no {name} there")
    blocks = re.findall(r"```yaml\n(.*?)```", (ROOT / "docs" / "rating.md").read_text(encoding="utf-8"), re.S)
    source, = (YAML(typ="safe").load(block)["rating"]["source"] for block in blocks if name in block)
    workspace(here, [], source=source, extract__split="given",
              extract__given={"path": "data/rating/splits.csv", "column": "rating_random"})
    shutil.rmtree(here / "data" / "rating")
    (here / "data" / "rating").symlink_to(data)
    run()
    return table.about("full").rows


def test_amazon_reviews_as_they_come(here: Path, real_data: Path) -> None:
    sizes = documented(here, real_data / "amazon-musical-instruments", "Musical_Instruments.json.gz")
    assert sizes == {"train": 8208, "valid": 1026, "test": 1027}
    ratings = np.concatenate([table.read("full", split).ratings for split in table.SPLITS])
    assert np.bincount(ratings.astype(int)).tolist() == [0, 217, 250, 772, 2084, 6938]
    assert table.users("full").stats == {} and table.about("full").text
    said = "Not much to write about here, but it does exactly what it's supposed to."
    assert sum(text.startswith(said) for split in table.SPLITS for block in table.texts("full", split)
               for text in block) == 1


def test_movielens_with_fields_of_both_sides(here: Path, real_data: Path) -> None:
    sizes = documented(here, real_data / "movielens-100k", "ml-100k.inter")
    assert sum(sizes.values()) == 100_000
    users, items = table.users("full"), table.items("full")
    assert [f.size for f in users.fields] == [2, 21] and users.fields[0].words == ["F", "M"]
    assert 17 < items.fields[0].size < 20 and not items.fields[0].single
    assert np.nanmin(items.numbers["year"]) == 1922 and np.isnan(items.numbers["year"]).sum() <= 2
    assert users.numbers["age"][users.names.index("1")] == 24
