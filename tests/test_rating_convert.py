"""The table of the track `rating`: every chosen review in its split, what is known of users and items beside it."""

import csv
import gzip
import json
import os
import random
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from rating_raw import COLUMNS, rows, run, workspace, write_lines

from rankpipe import paths
from rankpipe.data.selection import load_selection
from rankpipe.errors import InputError
from rankpipe.rating import table
from rankpipe.rating.convert import convert
from rankpipe.rating.extract import extract

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return workspace(tmp_path)


def test_every_chosen_review_lands_in_its_split_with_its_own_values(here: Path) -> None:
    found = rows()
    found[5]["text"] = None
    workspace(here, found, extract__split="user_cold")
    run("medium")
    marks = load_selection(paths.selection("medium", "rating") / "selection.npy")
    users, items = table.users("medium"), table.items("medium")
    trained = {row["user_id"] for row, mark in zip(found, marks, strict=True) if mark == 1}
    assert set(users.names) == trained and users.stats == {} and users.fields == ()
    assert table.about("medium") == table.About(1.0, 5.0, True, True, {"train": 210, "valid": 45, "test": 45} | {
        name: int((marks == value).sum()) for name, value in (("train", 1), ("valid", 2), ("test", 3))})
    for value, split in ((1, "train"), (2, "valid"), (3, "test")):
        got, index = table.read("medium", split), np.flatnonzero(marks == value)
        assert got.rows.tolist() == index.tolist()
        mine = [found[i] for i in index]
        assert [users.names[c] if c >= 0 else None for c in got.users] == [
            row["user_id"] if row["user_id"] in trained else None for row in mine]
        known = set(items.names)
        assert [items.names[c] if c >= 0 else None for c in got.items] == [
            row["item_id"] if row["item_id"] in known else None for row in mine]
        assert got.ratings.tolist() == [row["rating"] for row in mine]
        assert got.times.tolist() == [row["at"] for row in mine]
        assert [t for block in table.texts("medium", split, 7) for t in block] == [row["text"] or "" for row in mine]
    assert (table.read("medium", "test").users == -1).all()


def in_other_forms(folder: Path) -> list[dict[str, Any]]:
    """The same reviews as .json.gz, csv, tsv, RecBole's atomic file and parquet; the source of each."""
    found = rows()
    lines = "".join(json.dumps(row) + "\n" for row in found).encode()
    (folder / "r.json.gz").write_bytes(gzip.compress(lines, mtime=0))
    with (folder / "r.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        writer.writeheader()
        writer.writerows(found)
    pq.write_table(pa.Table.from_pylist(found), folder / "r.parquet", row_group_size=37)
    sources = [{"path": name, "text": "text", "timestamp": "at"} for name in ("r.json.gz", "r.csv", "r.parquet")]
    kinds = {"user_id": "token", "item_id": "token", "rating": "float", "text": "token_seq", "at": "float"}
    for name, heading in (("r.tsv", COLUMNS), ("r.inter", [f"{c}:{kinds[c]}" for c in COLUMNS])):
        body = ["\t".join(str(row[c]).replace("\n", " ") for c in COLUMNS) for row in found]
        (folder / name).write_text("\n".join(["\t".join(heading), *body]) + "\n", encoding="utf-8")
        sources.append({"path": name, "text": "text", "timestamp": "at"})
    return sources


def test_the_same_reviews_in_any_form_make_the_same_table(here: Path) -> None:
    run()
    expected = [table.read("full", split) for split in table.SPLITS]
    texts = [next(iter(table.texts("full", split))) for split in table.SPLITS]
    for source in in_other_forms(here):
        workspace(here, source__reviews=source)
        run()
        for split, want, words in zip(table.SPLITS, expected, texts, strict=True):
            got = table.read("full", split)
            for name in ("users", "items", "ratings", "times", "rows"):
                np.testing.assert_array_equal(getattr(got, name), getattr(want, name), err_msg=f"{source} {name}")
            flat = source["path"] in ("r.tsv", "r.inter")
            assert next(iter(table.texts("full", split))) == [w.replace("\n", " ") if flat else w for w in words]


def side_files(folder: Path) -> dict[str, Any]:
    """A user file and an item file with all that there may be; u1, u2 are known in part, u3 isn't there."""
    users = [{"user_id": f"u{i}", "review_count": i, "useful": 2 * i, "funny": 1, "cool": 0, "compliment_a": i,
              "compliment_b": 3, "age": str(20 + i), "job": ["cook", "poet", "?"][i % 3]} for i in range(40) if i != 3]
    users[1]["age"] = "none"
    del users[2]["review_count"]
    write_lines(folder / "users.json", users)
    items = ["item\tstars\tyear\tkinds", *(f"i{i}\t{1 + i / 10}\t{1990 + i}\t{'a b' if i % 2 else 'b'}"
                                          for i in range(25))]
    (folder / "items.tsv").write_text("\n".join(items) + "\n")
    return {
        "source__users": {"path": "users.json", "id": "user_id",
                          "stats": {"review_count": ["review_count"], "useful": ["useful", "funny", "cool"],
                                    "compliment": ["compliment_*"]},
                          "fields": {"job": {"column": "job", "missing": ["?"]}},
                          "numbers": {"age": {"column": "age", "missing": ["none"]}}},
        "source__items": {"path": "items.tsv", "id": "item", "stats": {"stars": ["stars"]},
                          "numbers": {"year": {"column": "year"}},
                          "fields": {"kind": {"column": "kinds", "split": " "}}}}


def test_stats_numbers_and_fields_stand_at_their_codes(here: Path) -> None:
    workspace(here, **side_files(here))
    run()
    users, items = table.users("full"), table.items("full")
    number = np.array([int(name[1:]) for name in users.names])
    nowhere = number == 3
    np.testing.assert_array_equal(users.stats["review_count"], np.where(nowhere | (number == 2), np.nan, number))
    np.testing.assert_array_equal(users.stats["useful"], np.where(nowhere, np.nan, 2 * number + 1))
    np.testing.assert_array_equal(users.stats["compliment"], np.where(nowhere, np.nan, number + 3))
    assert set(users.stats) == {"review_count", "useful", "compliment"}  # what isn't named isn't there, nor is it 0
    np.testing.assert_array_equal(users.numbers["age"], np.where(nowhere | (number == 1), np.nan, 20 + number))
    job = users.fields[0]
    assert (job.name, job.words, job.single) == ("job", ["cook", "poet"], True)
    said = [[job.words[v] for v in job.values[a:b]] for a, b in zip(job.offsets, job.offsets[1:], strict=False)]
    assert said == [[] if n == 3 else [["cook"], ["poet"], []][n % 3] for n in number.tolist()]
    kind = items.fields[0]
    assert kind.words == ["a", "b"] and not kind.single
    odd = np.array([int(name[1:]) % 2 for name in items.names])
    assert np.diff(kind.offsets).tolist() == (1 + odd).tolist()
    np.testing.assert_allclose(items.stats["stars"], [1 + int(n[1:]) / 10 for n in items.names], rtol=1e-6)


def test_the_order_of_columns_and_the_hash_seed_change_no_byte(here: Path) -> None:
    changes = side_files(here)
    workspace(here, **changes)
    first = run("medium")

    def shuffled(path: Path) -> None:
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            keys = list(line)
            random.Random(len(str(line))).shuffle(keys)
            line.update({k: line.pop(k) for k in keys})
        write_lines(path, lines)

    for path in (here / "users.json", here / "data" / "rating" / "review.json"):
        before = path.read_text()
        shuffled(path)
        assert path.read_text() != before
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'src'}", "PYTHONHASHSEED": "1"}
    for verb in ("extract", "convert"):
        subprocess.run([sys.executable, "-m", f"stages.{verb}", "rating", "medium"], check=True, env=environment,
                       capture_output=True)
    assert {str(p): p.read_bytes() for p in sorted(Path("build").rglob("*")) if p.is_file()} == first


def test_a_changed_file_or_a_damaged_selection_is_refused(here: Path) -> None:
    extract("full")
    workspace(here, rows()[:300])
    with pytest.raises(InputError, match="fewer rows than the selection; run extract again"):
        convert("full")
    selection = paths.selection("full", "rating") / "selection.npy"
    selection.write_bytes(selection.read_bytes()[:100])
    with pytest.raises(InputError, match="not a whole selection"):
        convert("full")
    selection.unlink()
    with pytest.raises(InputError, match="run extract"):
        convert("full")
    assert not paths.table("full", "rating").exists()


def test_what_reads_the_table_refuses_a_damaged_one(here: Path) -> None:
    run()
    path = paths.split("full", "rating", "valid")
    whole = path.read_bytes()
    where = whole.index(table.read("full", "valid").ratings.tobytes())
    path.write_bytes(whole[:where] + b"\xff" + whole[where + 1:])
    with pytest.raises(InputError, match=r"valid\.h5: damaged at 'ratings'"):
        table.read("full", "valid")
    path.write_bytes(whole[:1000])
    with pytest.raises(InputError, match=r"valid\.h5: damaged"):
        table.read("full", "valid")
    path.unlink()
    with pytest.raises(InputError, match=r"valid\.h5: not found; run convert"):
        table.read("full", "valid")
    workspace(here, source__reviews={"path": "data/rating/review.json"})
    run()
    assert table.read("full", "valid").times is None and not table.about("full").text
    with pytest.raises(InputError, match=r"names no text column.*set rating\.source\.reviews\.text"):
        next(table.texts("full", "train"))


def peak(rows_: int, folder: Path) -> float:
    """MB that converting ``rows_`` long reviews of 500 users takes at most."""
    folder.mkdir()
    text = "The noodles were delicious and the waiter friendly. " * 20
    with (folder / "review.json").open("w") as file:
        file.writelines(json.dumps({"user_id": f"u{i % 500}", "item_id": f"i{i // 500}", "rating": 1 + i % 5,
                                    "text": f"{i} {text}"}) + "\n" for i in range(rows_))
    workspace(folder, [], source__reviews={"path": "review.json", "text": "text"})
    code = ("import resource; from rating_raw import run; run(); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)")
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT / 'tests'}"})
    return float(done.stdout.split()[-1])


@pytest.mark.skipif(not hasattr(resource, "RUSAGE_SELF"), reason="needs the peak of a process")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    small, large = peak(20_000, tmp_path / "a"), peak(60_000, tmp_path / "b")
    assert large < small + 15, f"MB for 22 and 65 MB of reviews: {small:.0f}, {large:.0f}"
