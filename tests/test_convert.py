"""The three H5 files hold the chosen rows, the same bytes whoever reads them and however often the stage is killed."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tables import SCHEMA, columns, workspace, write_params

from rankpipe import paths
from rankpipe.ctr.convert import convert
from rankpipe.ctr.extract import extract
from rankpipe.data.parsing import parse
from rankpipe.data.schema import Schema
from rankpipe.io.h5 import ColumnsReader
from rankpipe.params import block

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return workspace(tmp_path, row_group=170)


def contents(size: str) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in paths.table(size, "ctr").iterdir()}


def test_every_chosen_row_lands_in_its_split_with_its_own_values(here: Path) -> None:
    extract("medium")
    convert("medium")
    marks = np.load(paths.selection("medium", "ctr") / "selection.npy")
    schema = block(Schema, SCHEMA, "schema")
    words: dict[str, list[str]] = {}
    raw = parse(pa.RecordBatch.from_pydict(columns(1000)), schema, words, label=True)
    for mark, name in ((1, "train"), (2, "valid"), (3, "test")):
        with ColumnsReader(paths.split("medium", "ctr", name)) as reader:
            got, theirs = reader.read(), reader.dictionaries
        index = np.flatnonzero(marks == mark)
        assert got.rows.tolist() == index.tolist()
        expected = raw.take(index)
        np.testing.assert_array_equal(got.numeric, expected.numeric)
        np.testing.assert_array_equal(got.label, expected.label)
        np.testing.assert_array_equal(got.timestamp, expected.timestamp)
        for a, b in ((got.sequences["seen"], expected.sequences["seen"]),):
            np.testing.assert_array_equal(a.offsets, b.offsets)
            np.testing.assert_array_equal(a.fields["item"], b.fields["item"])
            np.testing.assert_array_equal(a.times, b.times)
        for j, column in enumerate(schema.categorical):
            codes = got.categorical[:, j], expected.categorical[:, j]
            assert words_of(codes[0], theirs[column]) == words_of(codes[1], words[column])
        assert words_of(got.group, theirs["/group"]) == words_of(expected.group, words["/group"])
        said = got.sequences["words"].fields["word"]
        assert words_of(said, theirs["words.word"]) == words_of(expected.sequences["words"].fields["word"],
                                                                words["words.word"])


def words_of(codes: np.ndarray, words: list[str]) -> list[str | None]:
    return [words[c] if c >= 0 else None for c in codes.astype(np.int64)]


def test_two_workers_write_the_bytes_of_one(here: Path) -> None:
    extract("medium")
    convert("medium")
    alone = contents("medium")
    write_params(here, jobs={"workers": 2, "backend": "loky"})
    convert("medium")
    assert contents("medium") == alone


def test_row_groups_without_a_chosen_row_are_not_read(here: Path) -> None:
    write_params(here, ctr__extract__split="given", ctr__extract__given="split.csv")
    (here / "split.csv").write_text("\n".join(["train", "valid", "test", "train", "train"] * 200))
    extract("full")
    selection = paths.selection("full", "ctr") / "selection.npy"
    marks = np.load(selection)
    marks[170:850] = 0
    np.save(selection, marks)
    # Rows 170 to 849 are four row groups; spoil their pages.
    raw = here / "data/ctr/train.parquet"
    group = pq.ParquetFile(raw).metadata
    spoilt = bytearray(raw.read_bytes())
    start = group.row_group(1).column(0).data_page_offset
    spoilt[start:start + 2000] = b"\xff" * 2000
    raw.write_bytes(spoilt)
    convert("full")
    with ColumnsReader(paths.split("full", "ctr", "train")) as reader:
        assert set(reader.positions()) <= {*range(170), *range(850, 1000)}


def test_a_killed_conversion_leaves_nothing_and_a_second_run_ends_in_the_same_bytes(here: Path) -> None:
    workspace(here, columns(20_000), row_group=500)
    extract("full")
    convert("full")
    whole = contents("full")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "stages.convert", "ctr", "full"]
    for entry in paths.table("full", "ctr").iterdir():
        entry.unlink()
    paths.table("full", "ctr").rmdir()
    partial = paths.table("full", "ctr").with_name(".table.partial")
    for delay in (0.0, 0.05, 0.2):
        child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not partial.exists() and child.poll() is None:
            time.sleep(0.005)
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        if child.wait() == -signal.SIGKILL:
            assert not paths.table("full", "ctr").exists()
            assert partial.exists()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert contents("full") == whole
    assert not partial.exists()
