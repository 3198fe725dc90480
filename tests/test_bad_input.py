"""Bad raw files and parameters: one line that starts with ``error:``, status 1, and no output that looks right."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tables import columns, workspace

from rankpipe import paths
from rankpipe.stage import run, verb

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def stage(name: str, size: str = "medium") -> None:
    run(lambda track, size: verb(track, name)(size), "TRACK SIZE", ["ctr", size])


def refused(name: str, capsys: pytest.CaptureFixture[str], size: str = "medium") -> str:
    """Runs the stage, which must fail as it should; its error line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        stage(name, size)
    assert caught.value.code == 1
    # A progress bar may stand before it, each ends in a line of its own.
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    folder = paths.selection(size, "ctr") if name == "extract" else paths.table(size, "ctr")
    assert not folder.exists()
    assert not list(folder.parent.glob(".*")) if folder.parent.exists() else True
    return lines[0]


def changed(**columns_: Any) -> dict[str, Any]:
    data = columns(1000)
    for name, change in columns_.items():
        if change is None:
            del data[name]
        elif callable(change):
            data[name] = change(data[name])
        else:
            data[name] = change
    return data


def at(row: int, value: Any) -> Any:
    return lambda values: [*values[:row], value, *values[row + 1:]]


EXTRACT = [
    (changed(clicked=None), {}, "train.parquet: no column 'clicked'"),
    (changed(day=None), {}, "train.parquet: no column 'day', which params.yaml: ctr.extract.stratify names; known: "),
    (changed(clicked=at(700, None)), {}, "column 'clicked', row 700 (the first is 0): the label is missing"),
    (changed(clicked=lambda v: [float("nan") if i == 5 else float(x) for i, x in enumerate(v)]), {}, "row 5"),
    (changed(clicked=at(3, 4)), {}, "row 3 (the first is 0): the label is 4; it must be 0 or 1"),
    (changed(clicked=lambda v: [str(x) for x in v]), {}, "column 'clicked': wrong type string"),
    (changed(clicked=[0] * 1000), {}, "the file has only label 0"),
    (changed(clicked=[1] + [0] * 999), {}, "has only label 0; nothing can be learnt or judged on one class"),
    (changed(day=lambda v: [[x] for x in v]), {}, "column 'day': wrong type list"),
    ({k: v[:0] for k, v in columns(10).items()}, {}, "train.parquet"),
    (columns(1200), {"ctr__extract__stratify": ["x_1"]}, "have over 1000 combinations"),
    (columns(1000), {"ctr__extract__sizes": {"medium": {"rows": 12, "valid": 0.01, "test": 0.3}}}, "'valid' is empty"),
    (columns(1000), {"ctr__extract__sizes": {"medium": {"valid": 0.5, "test": 0.5}}}, "leave no rows to train on"),
    (columns(1000), {"ctr__extract__sizes": {"medium": {"valid": 1.5}}}, "sizes.medium.valid: 1.5 is out of range"),
    (columns(1000), {"ctr__extract__sizes": {"medium": {"test": 0}}}, "sizes.medium.test: 0.0 is out of range"),
    (columns(1000), {"ctr__extract__sizes": {"medum": {"rows": 9}}}, "no size 'medium'; did you mean 'medum'"),
    (columns(1000), {"ctr__extract__spilt": "tail"}, "ctr.extract.spilt: unknown parameter; did you mean 'split'"),
    (columns(1000), {"ctr__extract__split": "randon"}, "'randon' is not a choice; did you mean 'random'"),
    (columns(1000), {"ctr__extract__split": "given"}, "set ctr.extract.given"),
    (columns(1000), {"ctr__extract__split": "given", "ctr__extract__given": "none.csv"}, "none.csv: not found"),
    (columns(1000), {"ctr__source": {"train": "data/ctr/none.parquet"}}, "data/ctr/none.parquet: not found"),
    (columns(1000), {"seed": "seven"}, "params.yaml: top level.seed: expected a whole number, got 'seven'"),
    (columns(1000), {"seed": -1}, "top level.seed: -1 is out of range"),
    (columns(1000), {"seeds": 8}, "params.yaml: seeds: unknown parameter; did you mean 'seed'?"),
    (columns(1000), {"ctr__trainng": {"lr": 1}}, "ctr.trainng: unknown parameter; did you mean 'training'?"),
    (columns(1000), {"ctr__extracts": {}}, "params.yaml: ctr.extracts: unknown parameter; did you mean 'extract'?"),
    (columns(1000), {"ctr": ["schema"]}, "params.yaml: ctr: expected keys"),
]


@pytest.mark.parametrize(("data", "changes", "said"), EXTRACT)
def test_extract_refuses(here: Path, capsys: pytest.CaptureFixture[str], data: dict[str, Any], changes: dict[str, Any],
                         said: str) -> None:
    workspace(here, data, **changes)
    assert said in refused("extract", capsys)


CONVERT = [
    (changed(city=None), {}, "train.parquet: no column 'city'"),
    (changed(x_1=lambda v: [str(x) for x in v]), {}, "column 'x_1': wrong type string; expected numbers"),
    (changed(x_1=at(901, float("inf"))), {}, "column 'x_1', row 901 (the first is 0): infinite"),
    (changed(items=at(77, "1,two")), {}, "column 'items', row 77 (the first is 0): 'two' is not a whole number"),
    (changed(items=[0.5] * 1000), {}, "column 'items': wrong type double"),
    (changed(times=at(12, "1")), {}, "column 'times', row 12"),
    (changed(city=lambda v: [{"a": 1}] * len(v)), {}, "column 'city': wrong type struct"),
    (columns(1000), {"ctr__convert__compression": "lz5"}, "compression: 'lz5' is not a choice; did you mean 'lz4'"),
    (columns(1000), {"ctr__convert__chunk_rows": 0}, "ctr.convert.chunk_rows: 0 is out of range"),
    (columns(1000), {"jobs": {"workers": 0}}, "jobs.workers: 0 is out of range"),
    (columns(1000), {"jobs": {"workers": 2, "backend": "lokey"}}, "'lokey' is not a choice; did you mean 'loky'"),
]


@pytest.mark.parametrize(("backend", "package"), [("dask", "distributed"), ("ray", "ray")])
def test_an_engine_that_is_not_installed(here: Path, capsys: pytest.CaptureFixture[str],
                                         monkeypatch: pytest.MonkeyPatch, backend: str, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    workspace(here, row_group=400, jobs={"workers": 2, "backend": backend})
    stage("extract", "full")
    assert f"jobs.backend: {backend} isn't installed" in refused("convert", capsys, "full")


@pytest.mark.parametrize(("data", "changes", "said"), CONVERT)
def test_convert_refuses(here: Path, capsys: pytest.CaptureFixture[str], data: dict[str, Any], changes: dict[str, Any],
                         said: str) -> None:
    workspace(here, data, **changes)
    stage("extract", "full")
    assert said in refused("convert", capsys, "full")


def test_a_worker_reports_bad_input_as_the_stage_itself_does(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here, changed(items=at(977, "1,two")), row_group=400, jobs={"workers": 2, "backend": "loky"})
    stage("extract", "full")
    assert "column 'items', row 977 (the first is 0): 'two'" in refused("convert", capsys, "full")


@pytest.mark.parametrize("name", ["extract", "convert"])
def test_a_cut_or_damaged_parquet_file(here: Path, capsys: pytest.CaptureFixture[str], name: str) -> None:
    workspace(here)
    if name == "convert":
        stage("extract")
    raw = here / "data/ctr/train.parquet"
    whole = raw.read_bytes()
    raw.write_bytes(whole[:len(whole) // 2])
    assert "train.parquet: not a whole parquet file" in refused(name, capsys)
    raw.write_bytes(whole[:4] + b"\xff" * 3000 + whole[3004:])
    assert "train.parquet: damaged after row 0" in refused(name, capsys)


def test_convert_needs_a_selection_of_this_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here)
    assert "selection.npy: not found; run extract" in refused("convert", capsys)
    stage("extract")
    workspace(here, columns(999))
    assert "selects from 1000 rows, data/ctr/train.parquet has 999; run extract again" in refused("convert", capsys)
    selection = paths.selection("medium", "ctr") / "selection.npy"
    selection.write_bytes(selection.read_bytes()[:100])
    assert "selection.npy: not a whole selection" in refused("convert", capsys)
    np.save(selection, np.array([{}], dtype=object), allow_pickle=True)
    assert "selection.npy: not a whole selection" in refused("convert", capsys)


def command_line(name: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", f"stages.{name}", "ctr", "full"], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(ROOT)})


def test_the_command_line_ends_with_the_one_line(here: Path) -> None:
    workspace(here, changed(clicked=None))
    done = command_line("extract")
    assert done.returncode == 1
    assert done.stderr.startswith("error: data/ctr/train.parquet: no column 'clicked'") and done.stderr.count("\n") == 1
    assert not (here / "build").exists()


@pytest.mark.parametrize(("rows", "size", "fails", "stays"), [(20_000, "16k", "extract", []),
                                                             (3_000, "100k", "convert", ["selection"])])
def test_a_full_disk(here: Path, rows: int, size: str, fails: str, stays: list[str]) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount the tiny file system that plays the full disk")
    workspace(here, columns(rows))
    place = here / "build"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", place]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting isn't allowed here: {done.stderr.strip()}")
    try:
        if fails == "convert":
            assert command_line("extract").returncode == 0
        done = command_line(fails)
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("error: no space left on the disk while writing")
        assert "Traceback" not in done.stderr
        assert [p.name for p in (place / "full" / "ctr").iterdir()] == stays
    finally:
        subprocess.run(["umount", place], check=True)
