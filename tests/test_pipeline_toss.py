"""The pipeline on real rows of the Toss task, which lie beside the checkout and never in it."""

import csv
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
import pytest
from clones import Clone, clone_of, stages_run
from tracks import TRACKS

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here

ROWS, CLICKS, UNLABELLED = 1500, 27, 400
VERBS = {"extract", "convert", "features", "train", "evaluate", "predict", "push"}
TEXT = ("gender", "age_group", "inventory_id", "day_of_week", "hour", "seq_list")


@pytest.fixture
def rows(real_data: Path) -> pa.Table:
    path = real_data / "toss-ctr" / "train_sample.csv"
    if not path.is_file():
        pytest.skip(f"no real Toss rows: {path} isn't there")
    types = pyarrow.csv.ConvertOptions(column_types=dict.fromkeys(TEXT, pa.string()), strings_can_be_null=True)
    return pyarrow.csv.read_csv(path, convert_options=types)


def real(values: dict[str, Any]) -> None:
    """The schema of the real rows: items joined by ``^``, no ``history_*``; stratified by the few clicks alone."""
    ctr = values["ctr"]
    ctr["schema"]["numeric"] = [name for name in ctr["schema"]["numeric"] if not name.startswith("history_")]
    ctr["schema"]["sequence"]["seq"]["fields"]["item"] = "seq_list"
    ctr["schema"]["sequence"]["seq"]["separator"] = "^"
    ctr["extract"]["sizes"]["toy"].update(rows=None, valid=0.2, test=0.2)
    ctr["extract"]["stratify"] = ["clicked"]


def test_real_rows_run_end_to_end(rows: pa.Table, origin: Clone, tmp_path: Path) -> None:
    assert rows.num_rows == ROWS
    assert sum(rows["clicked"].to_pylist()) == CLICKS
    clone = clone_of(origin, tmp_path / "toss")
    write_raw(rows, clone.path / "data" / "ctr")
    clone.edit_params(real)
    clone.dvc("pull", *(f"data/{track}" for track in TRACKS if track != "ctr"))  # data.dvc names them all
    clone.dvc("commit", "--force", "data.dvc")

    ran = stages_run(clone.dvc("repro", "predict-ctr", "push-ctr"))
    assert {name.split("-")[0] for name in ran} == VERBS

    [submission] = (clone.path / "build" / "toy" / "ctr" / "predictions").glob("submission.csv")
    with submission.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    assert header == ["ID", "clicked"]
    # The sample's order, which isn't the file's.
    assert [line[0] for line in lines] == [row_id(i) for i in reversed(range(UNLABELLED))]
    assert all(0 <= float(line[1]) <= 1 for line in lines)
    assert len({line[1] for line in lines}) > 20  # 20 rounds of trees know few probabilities


def row_id(i: int) -> str:
    return f"TEST_{i:07d}"


def write_raw(rows: pa.Table, folder: Path) -> None:
    """train.parquet, an unlabelled test.parquet of the last rows, and a sample submission in another order."""
    folder.mkdir(parents=True)
    pyarrow.parquet.write_table(rows, folder / "train.parquet")
    ids = pa.array([row_id(i) for i in range(UNLABELLED)])
    unlabelled = rows.slice(ROWS - UNLABELLED).drop_columns(["clicked"]).add_column(0, "ID", ids)
    pyarrow.parquet.write_table(unlabelled, folder / "test.parquet")
    lines = [f"{row_id(i)},0" for i in reversed(range(UNLABELLED))]
    (folder / "sample_submission.csv").write_text("\n".join(["ID,clicked", *lines, ""]), encoding="utf-8")
