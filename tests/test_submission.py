"""Scores joined to the sample by ID."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from rankpipe.ctr.submission import Scores, as_text, sample_reader
from rankpipe.errors import InputError


def written(folder: Path, ids: list[str], p: list[float], sample: str | None, block: int = 2) -> str:
    """The submission of these scores, added and sampled in blocks."""
    array = pa.array(ids, pa.string())

    def own() -> Iterator[pa.Array]:
        for start in range(0, len(ids), block):
            yield array[start : start + block]

    scores = Scores(len(ids), Path("test.parquet"), "ID")
    for start, part in enumerate(own()):
        scores.add(part, np.array(p[start * block : (start + 1) * block], np.float32))
    path = folder / "sample.csv"
    if sample is not None:
        path.write_text(sample)
    reader = None if sample is None else sample_reader(path, "ID", "clicked")
    scores.write(folder / "submission.csv", "clicked", own, None if sample is None else path, reader)
    return (folder / "submission.csv").read_text()


def test_the_sample_gives_the_order_and_the_id_the_score(tmp_path: Path) -> None:
    text = written(tmp_path, ["a", "b", "c"], [0.25, 0.5, 1.0], "ID,clicked\nc,0\na,0\nb,0\n")
    assert text == "ID,clicked\nc,1\na,0.25\nb,0.5\n"


def test_without_a_sample_the_table_gives_the_order(tmp_path: Path) -> None:
    assert written(tmp_path, ["b", "a", "c"], [0.25, 0.5, 0.0], None) == "ID,clicked\nb,0.25\na,0.5\nc,0\n"


def test_ids_keep_their_spelling(tmp_path: Path) -> None:
    text = written(tmp_path, ["007", "1e5", 'x,"y"'], [0.25, 0.5, 0.75], 'ID\n1e5\n007\n"x,""y"""\n')
    assert text == 'ID,clicked\n"1e5",0.5\n"007",0.25\n"x,""y""",0.75\n'
    assert written(tmp_path, ["007", "1e5"], [0.25, 0.5], None) == "ID,clicked\n007,0.25\n1e5,0.5\n"


@pytest.mark.parametrize(("ids", "sample", "message"), [
    (["a", "b", "a"], "ID,clicked\na,0\nb,0\n", r"^test\.parquet: 'ID' a is there twice"),
    (["a", "b", "c"], "ID,clicked\na,0\nb,0\n", r"sample\.csv: 'ID' c is missing; test\.parquet holds it$"),
    (["a", "b", "c"], "ID,clicked\na,0\nb,0\nc,0\nd,0\n", r"sample\.csv: 'ID' d is not in test\.parquet$"),
    (["a", "b", "c"], "ID,clicked\na,0\nb,0\nc,0\nb,0\n", r"sample\.csv: 'ID' b is there twice$"),
    (["a", "b", "c"], "ID,clicked\na,0\n,0\nc,0\n", r"sample\.csv: 'ID' is missing in a row"),
    (["a"], "id,clicked\na,0\n", r"sample\.csv: its columns are id,clicked, and ID,clicked were expected$"),
    (["a"], "ID,target\na,0\n", r"sample\.csv: its columns are ID,target, and ID,clicked were expected$"),
    (["a"], "", r"sample\.csv: not readable as CSV"),
])
def test_a_bad_id_is_named_and_nothing_is_written(tmp_path: Path, ids: list[str], sample: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        written(tmp_path, ids, [0.5] * len(ids), sample)
    assert [p.name for p in tmp_path.iterdir()] == ["sample.csv"]


def test_a_doubled_id_across_blocks_of_the_sample_is_named(tmp_path: Path) -> None:
    many = [f"TEST_{i:07d}" for i in range(300_000)]  # several blocks of CSV
    with pytest.raises(InputError, match="TEST_0000000 is there twice"):
        written(tmp_path, many, [0.5] * len(many), "\n".join(["ID", *many, many[0], ""]), block=65_536)


@pytest.mark.parametrize("bad", [np.nan, -0.1, 1.5, np.inf])
def test_what_is_no_probability_is_refused(bad: float) -> None:
    scores = Scores(2, Path("test.parquet"), "ID")
    with pytest.raises(InputError, match=r"'ID' b: the model gave .*, which is no probability"):
        scores.add(pa.array(["a", "b"]), np.array([0.5, bad], np.float32))


def test_a_missing_id_is_refused_with_its_row() -> None:
    scores = Scores(4, Path("test.parquet"), "ID")
    scores.add(pa.array(["a", "b"]), np.full(2, 0.5, np.float32))
    with pytest.raises(InputError, match=r"column 'ID', row 3 \(the first is 0\): missing"):
        scores.add(pa.array(["c", None]), np.full(2, 0.5, np.float32))


def test_ids_are_text_or_whole_numbers() -> None:
    assert as_text(pa.array([7, 10]), Path("t"), "ID").to_pylist() == ["7", "10"]
    assert as_text(pa.array(["x"]).dictionary_encode(), Path("t"), "ID").to_pylist() == ["x"]
    with pytest.raises(InputError, match="'ID' is of type double"):
        as_text(pa.array([0.5]), Path("t"), "ID")


def test_a_missing_sample_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sample\.csv: not found"):
        sample_reader(tmp_path / "sample.csv", "ID", "clicked")
