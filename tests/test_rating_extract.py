"""Splits of the track `rating`: who is held out, and what is never seen by train."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rating_raw import rows, workspace

from rankpipe import paths
from rankpipe.data.selection import load_selection
from rankpipe.errors import InputError
from rankpipe.io.json import read_json
from rankpipe.rating.extract import extract


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return workspace(tmp_path)


def run(size: str = "full") -> tuple[np.ndarray, dict[str, Any]]:
    extract(size)
    folder = paths.selection(size, "rating")
    return np.array(load_selection(folder / "selection.npy")), read_json(folder / "diagnostics.json")


def column(name: str, marks: np.ndarray, value: int) -> list[Any]:
    return [row[name] for row, mark in zip(rows(), marks, strict=True) if mark == value]


def test_random_shares_are_exact_and_sizes_nested() -> None:
    (toy, said), (medium, _), (full, of_full) = run("toy"), run("medium"), run("full")
    assert [np.bincount(m, minlength=4)[1:].tolist() for m in (toy, medium, full)] == [
        [70, 15, 15], [210, 45, 45], [280, 60, 60]]
    assert ((toy > 0) <= (medium > 0)).all()
    assert not said["took_all"] and of_full["took_all"] and said["raw_rows"] == 400


def test_another_seed_draws_other_rows_and_a_larger_wish_takes_all(here: Path,
                                                                   capsys: pytest.CaptureFixture[str]) -> None:
    first, _ = run("medium")
    (here / "params.yaml").write_text((here / "params.yaml").read_text().replace("seed: 7", "seed: 8"))
    second, _ = run("medium")
    assert (first != second).mean() > 0.2
    workspace(here, extract__sizes={"toy": {"rows": 1000}})
    marks, said = run("toy")
    assert (marks > 0).all() and said["took_all"] and "all are taken" in capsys.readouterr().out


def test_diagnostics_are_what_one_counts(here: Path) -> None:
    workspace(here, extract__split="user_cold")
    marks, said = run()
    for name, value in (("train", 1), ("valid", 2), ("test", 3)):
        of = said["splits"][name]
        ratings, times = column("rating", marks, value), column("at", marks, value)
        assert of["rows"] == len(ratings) and of["mean"] == pytest.approx(np.mean(ratings))
        assert of["histogram"] == {f"{v:g}": ratings.count(v) for v in sorted(set(ratings))}
        assert of["users"] == len(set(column("user_id", marks, value)))
        assert (of["first_time"], of["last_time"]) == (min(times), max(times))
        assert of["cold_user_rows"] == (0 if name == "train" else 1)
        items = column("item_id", marks, value)
        cold = [i not in set(column("item_id", marks, 1)) for i in items]
        assert of["cold_item_rows"] == np.mean(cold)


@pytest.mark.parametrize(("kind", "key"), [("user_cold", "user_id"), ("item_cold", "item_id")])
def test_cold_splits_share_nobody(here: Path, kind: str, key: str) -> None:
    workspace(here, extract__split=kind)
    marks, said = run()
    train, valid, test = (set(column(key, marks, value)) for value in (1, 2, 3))
    assert not train & valid and not train & test and not valid & test
    assert 0.1 < said["splits"]["test"]["share"] < 0.3


def test_temporal_keeps_one_second_together_and_train_before_all(here: Path) -> None:
    found = rows()
    for i, row in enumerate(found):  # shuffled, and four rows of each second
        row["at"] = 1_500_000_000 + (i * 37 % 400) // 4
    workspace(here, found, extract__split="temporal")
    marks, _ = run()
    times = np.array([row["at"] for row in found])
    assert times[marks == 1].max() < times[marks == 2].min()
    assert times[marks == 2].max() < times[marks == 3].min()
    # By hand: 100 seconds of four rows; the last 60 rows are seconds 85 to 99, the 60 before them 70 to 84.
    assert np.bincount(marks).tolist() == [0, 280, 60, 60]


def test_temporal_without_a_row_before_the_cut_is_refused(here: Path) -> None:
    found = [{**row, "at": 1_500_000_000} for row in rows()]
    workspace(here, found, extract__split="temporal")
    with pytest.raises(InputError, match="'train' is empty"):
        extract("full")
    workspace(here, extract__split="temporal",
              source__reviews={"path": "data/rating/review.json", "text": "text"})
    with pytest.raises(InputError, match=r"temporal needs times; set rating\.source\.reviews\.timestamp"):
        extract("full")


def test_given_by_lines_and_by_a_column(here: Path) -> None:
    words = ["train", "valid", "test", "train"] * 100
    (here / "lines.txt").write_text("\n".join(["split", *words]) + "\n")
    with (here / "table.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["other", "mine"])
        writer.writerows([["test", word] for word in words])
    expected = [{"train": 1, "valid": 2, "test": 3}[word] for word in words]
    for given in ({"path": "lines.txt"}, {"path": "table.csv", "column": "mine"}):
        workspace(here, extract__split="given", extract__given=given)
        assert run()[0].tolist() == expected
        toy, _ = run("toy")
        assert (toy > 0).sum() == 100 and (toy[toy > 0] == np.array(expected)[toy > 0]).all()


def test_repeats_are_refused_or_the_newest_counts(here: Path) -> None:
    found = rows(40)
    found.append({**found[3], "rating": 1.0, "at": found[3]["at"] + 10})
    found.append({**found[9], "rating": 5.0, "at": found[9]["at"] - 10})
    workspace(here, found)
    who = found[3]["user_id"]
    with pytest.raises(InputError, match=rf"rows 3 and 40 .*user '{who}' rates .* twice; set .*repeats"):
        extract("full")
    workspace(here, found, extract__repeats="newest")
    marks, said = run()
    assert marks[3] == 0 and marks[40] > 0 and marks[9] > 0 and marks[41] == 0 and said["repeats_dropped"] == 2
    workspace(here, found, extract__repeats="all")
    assert (run()[0] > 0).all()
