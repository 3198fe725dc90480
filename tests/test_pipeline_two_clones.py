"""Two fresh clones of one commit give the same bytes, and a second repro does nothing."""

from pathlib import Path

import pytest
from clones import RESULTS, Clone, clone_of, copy_of, files, stages_run
from tracks import TRACKS

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here


def test_two_clones_give_the_same_lock_and_results(origin: Clone, undisturbed: Clone, tmp_path: Path) -> None:
    other = clone_of(origin, tmp_path / "a folder with another name", hash_seed=4711, threads=2)
    other.dvc("pull", "data.dvc")
    assert len(stages_run(other.dvc("repro"))) == len(undisturbed.lock())  # it had nothing to skip
    assert other.read("dvc.lock") == undisturbed.read("dvc.lock")
    assert files(other.path, *RESULTS) == files(undisturbed.path, *RESULTS)

    again = other.dvc("repro")
    assert stages_run(again) == []
    assert other.read("dvc.lock") == undisturbed.read("dvc.lock")


def test_stages_run_finds_what_ran(undisturbed: Clone) -> None:
    log = (undisturbed.path / ".git" / "log").read_text(encoding="utf-8")
    assert sorted(stages_run(log)) == sorted(undisturbed.lock())


def test_another_seed_gives_another_lock(undisturbed: Clone, tmp_path: Path) -> None:
    """Equal locks prove something only where a result depends on its parameters."""
    clone = copy_of(undisturbed, tmp_path / "clone")
    clone.edit_params(lambda values: values.update(seed=8))
    cells = [f"extract-{track}@toy" for track in TRACKS]
    clone.dvc("repro", *cells)
    for cell in cells:
        assert clone.lock()[cell]["outs"] != undisturbed.lock()[cell]["outs"], cell
