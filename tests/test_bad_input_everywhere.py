"""Bad raw files and parameters that every track must refuse in the same way: one line, status 1, nothing left behind.

What only one track can meet stands in test_bad_input.py and the track's own tests.
"""

import importlib
import os
import shutil
import subprocess
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clones import ROOT, yaml
from tracks import TRACKS

from rankpipe.sample import GENERATORS
from rankpipe.stage import run, tracks, verb

ROWS = {"ctr": "--rows 600 --mean-length 5 --click-rate .3", "embedding": "--sentences 3000 --pairs 300",
        "fusion": "--candidates 240 --queries 60", "rating": "--rows 400",
        "topk": "--users 60 --items 40 --rows 600"}
Change = Callable[[dict[str, Any], str], object]


@pytest.fixture(scope="session", params=tracks())
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a few raw rows of one track, which names it."""
    track = request.param
    folder = tmp_path_factory.mktemp("raw") / track
    parser = ArgumentParser()
    module = importlib.import_module(GENERATORS[track])
    module.add_arguments(parser)
    module.generate(parser.parse_args([*ROWS[track].split(), "--out", str(folder)]))
    return folder


@pytest.fixture
def track(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The working directory is a project of this repository's params.yaml and those rows."""
    shutil.copytree(made, tmp_path / "data" / made.name)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    return made.name


def change(edit: Change, track: str) -> None:
    values = yaml().load(Path("params.yaml").read_text(encoding="utf-8"))
    edit(values, track)
    with open("params.yaml", "w", encoding="utf-8") as file:
        yaml().dump(values, file)


def stage(name: str, *words: str) -> None:
    run(lambda track, *rest: verb(track, name)(*rest), " ".join(["WORD"] * len(words)), list(words))


def refused(capsys: pytest.CaptureFixture[str], name: str, *words: str) -> str:
    """Runs the stage, which must fail as it should; its error line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        stage(name, *words)
    assert caught.value.code == 1
    [line] = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert not list(Path("build").rglob(".*")) if Path("build").exists() else True, "something half-written is left"
    return line


PARAMS: dict[str, tuple[Change, str]] = {
    "unknown block": (lambda v, t: v[t].update(extracts={}), "{t}.extracts: unknown parameter; did you mean 'extract'"),
    "unknown key": (lambda v, t: v[t]["extract"].update(spilt=1), "{t}.extract.spilt: unknown parameter; did you mean"),
    "no such choice": (lambda v, t: v[t]["extract"].update(split="randon"), "'randon' is not a choice; did you mean"),
    "wrong type": (lambda v, t: v[t].update(extract=["split"]), "{t}.extract: expected keys"),
    "no such size": (lambda v, t: v[t]["extract"]["sizes"].pop("toy"), "no size 'toy'"),
    "zero rows": (lambda v, t: v[t]["extract"]["sizes"]["toy"].update(
        {next(iter(v[t]["extract"]["sizes"]["toy"])): 0}), "0 is out of range"),
    "given, not given": (lambda v, t: v[t]["extract"].update(split="given"), "{t}.extract.given"),
    "seed": (lambda v, t: v.update(seed=-1), "seed: -1 is out of range"),
    "no raw data": (lambda v, t: shutil.rmtree("data"), "data/{t}/"),
    "empty raw file": (lambda v, t: [p.write_bytes(b"") for p in Path("data", t).glob("*.*")], "data/{t}/"),
    "noise for a raw file": (lambda v, t: [p.write_bytes(b"\xff\x00\xfe" * 999) for p in Path("data", t).glob("*.*")],
                             "data/{t}/"),
}


@pytest.mark.parametrize("case", PARAMS)
def test_extract_refuses(track: str, capsys: pytest.CaptureFixture[str], case: str) -> None:
    edit, said = PARAMS[case]
    change(edit, track)
    assert said.format(t=track) in refused(capsys, "extract", track, "toy")
    assert not Path("build").exists()


@pytest.mark.parametrize("name", ["convert", "features", "encode", "retrieve", "train", "evaluate", "predict", "push"])
def test_a_stage_before_its_turn_says_what_is_missing(track: str, capsys: pytest.CaptureFixture[str],
                                                      name: str) -> None:
    if name in {verb for other in TRACKS.values() for verb in other.prepared} - set(TRACKS[track].prepared):
        assert f"track '{track}' has no stage '{name}'" in refused(capsys, name, track, "toy")
        return
    model = [TRACKS[track].neural] if name == "train" else []
    line = refused(capsys, name, track, "toy", *model)
    assert "build/toy" in line or "metrics/toy" in line
    assert "run " in line or "not found" in line
    assert not Path("build").exists() or not [p for p in Path("build").rglob("*") if p.is_file()]
    assert not Path("receipts").exists()


def test_a_truncated_file_of_an_earlier_stage(track: str, capsys: pytest.CaptureFixture[str]) -> None:
    stage("extract", track, "toy")
    stage("convert", track, "toy")
    table = Path("build", "toy", track, "table")
    prepared, models = TRACKS[track].prepared, TRACKS[track].models
    reader = (prepared[0], track, "toy") if prepared else ("train", track, "toy", models[0])
    for path in sorted(p for p in table.iterdir() if p.name.startswith(TRACKS[track].table)):
        whole = path.read_bytes()
        path.write_bytes(whole[:len(whole) // 2])
        assert path.name in refused(capsys, *reader)
        path.write_bytes(whole)


def test_a_misspelt_model(track: str, capsys: pytest.CaptureFixture[str]) -> None:
    model = TRACKS[track].neural
    change(lambda v, t: v[t]["models"].update({model + "x": {}}), track)
    assert f"{track}.models.{model}x: no such model; did you mean '{model}'" in refused(
        capsys, "train", track, "toy", model + "x")


def test_a_full_disk(track: str) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may mount the tiny file system that plays the full disk")
    stage("extract", track, "toy")
    shutil.move("build", "whole")
    kept = [p.relative_to("whole") for p in Path("whole").rglob("*") if p.is_file()]
    # Room for what extract left and some pages of what convert wants to write.
    pages = sum(-(-Path("whole", p).stat().st_size // 4096) + 2 for p in kept) + 4
    Path("build").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={4 * pages}k", "tmpfs", "build"]
    done = subprocess.run(mount, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"mounting isn't allowed here: {done.stderr.strip()}")
    try:
        shutil.copytree("whole", "build", dirs_exist_ok=True)
        # In a process of its own: HDF5 keeps trying to write what it could not.
        done = subprocess.run([sys.executable, "-m", "stages.convert", track, "toy"], capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, timeout=120)
        assert done.returncode == 1, done.stderr
        assert done.stderr.splitlines()[-1].startswith("error: no space left on the disk while writing")
        assert "Traceback" not in done.stderr
        assert [p.name for p in Path("build", "toy", track).iterdir()] == ["selection"]
    finally:
        subprocess.run(["umount", "build"], check=True)
