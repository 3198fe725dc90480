"""A stage killed at any moment leaves nothing that looks right, and the next repro ends in the same bytes."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from clones import Clone, copy_of, files
from ruamel.yaml.error import YAMLError

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here

MOMENTS = {"convert-ctr@toy": 10, "train-ctr@toy-deepfm": 10, "train-topk@toy-mf": 3, "train-rating@toy-deepfm": 3,
           "features-rating@toy": 2, "simcse-embedding@toy": 0}
"""Cell → how often it is killed at random moments; what trains is also killed at its first checkpoint. All cells write
by the same rooms, all nets train by the same loop."""


def change(values: Any, cell: str) -> None:
    """A parameter that makes ``cell`` run again; train also gets epochs enough to be killed between two checkpoints."""
    verb, track, _, *model = cell.replace("@", "-").split("-")
    block = values[track]
    if trains(cell):
        # Where rows are few, most of a short run is imports; a stage of a model's own is named like the model.
        epochs = {"ctr": 40, "embedding": 6}.get(track, 240)
        block["models"][model[0] if model else verb].update(epochs=epochs, patience=epochs, batch_size=128)
    elif verb == "convert":
        block["convert"]["chunk_rows"] = 512
    else:
        block["features"]["text"]["terms"] = 30


def trains(cell: str) -> bool:
    return not cell.startswith(("convert-", "features-"))


@dataclass(frozen=True)
class Case:
    """One verb's cell: a clone where it must run, one where it ran undisturbed, and how long that took."""

    cell: str
    before: Clone
    after: Clone
    seconds: float


@pytest.fixture(params=MOMENTS)
def case(request: pytest.FixtureRequest, undisturbed: Clone, tmp_path: Path) -> Case:
    cell = request.param
    before = copy_of(undisturbed, tmp_path / "before")
    before.edit_params(lambda values: change(values, cell))
    after = copy_of(before, tmp_path / "after")
    start = time.perf_counter()
    after.dvc("repro", "--single-item", cell)
    return Case(cell, before, after, time.perf_counter() - start)


def test_killed_stage_ends_in_the_same_bytes(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANKPIPE_CHECKPOINT_SECONDS", "0.1")  # a run of seconds must pass some checkpoints
    outs = [out["path"] for out in case.after.lock()[case.cell]["outs"]]
    old, expected = files(case.before.path, *outs), files(case.after.path, *outs)
    assert old.keys() == expected.keys() and old != expected
    rng = random.Random(case.cell)
    moments = MOMENTS[case.cell]
    for k in range(moments + trains(case.cell)):
        # However fast the machine, one run at least has a checkpoint to go on from.
        share = (k + rng.random()) / moments if k < moments else None
        clone = killed(case, share, tmp_path / f"killed-{k}")
        for name, content in files(clone.path, *outs).items():
            assert content in (old[name], expected[name]), f"moment {k} left {name}, which no whole stage wrote"
        output = clone.dvc("repro", "--single-item", case.cell)
        assert clone.read("dvc.lock") == case.after.read("dvc.lock"), f"moment {k}"
        assert files(clone.path, *outs) == expected, f"moment {k}"
        assert k < moments or "goes on from its checkpoint" in output


def killed(case: Case, share: float | None, folder: Path) -> Clone:
    """A clone in which the cell was killed, DVC with it, after ``share`` of its time; sooner where it was faster.

    With None it was killed as soon as its first checkpoint lay there.
    """
    words = "dvc", "repro", "--single-item", case.cell
    clone = copy_of(case.before, folder)
    if share is None:
        scratch = folder / ".scratch"
        assert not any(scratch.rglob("*.safetensors")), "left from another run"
        assert clone.kill_once(lambda: any(scratch.rglob("*.safetensors")), *words) is not None
    while share is not None and clone.kill_after(share * case.seconds, *words) is None:
        shutil.rmtree(folder)
        clone = copy_of(case.before, folder)
        share *= 0.8
    try:
        whole = {**clone.lock(), case.cell: None} == {**case.before.lock(), case.cell: None}
    except (YAMLError, TypeError):
        whole = False
    if not whole:
        # DVC writes dvc.lock in place. Whoever hits that instant does what docs/gpu-box.md says.
        clone.git("checkout", "--quiet", "dvc.lock")
    return clone
