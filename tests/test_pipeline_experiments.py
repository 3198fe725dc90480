"""Experiments, comparisons and sizes, by the commands that the README names."""

import re
from pathlib import Path

import pytest
from clones import Clone, copy_of, files, stages_run, yaml
from tracks import TRACKS

from rankpipe.cells import cell

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here

FASTER = [word for name, track in TRACKS.items()
          for word in ("--set-param", f"{name}.models.{track.neural}.{track.knob}")]
"""What ``dvc exp run`` is told to train one net of each track otherwise."""


@pytest.fixture
def clone(undisturbed: Clone, tmp_path: Path) -> Clone:
    return copy_of(undisturbed, tmp_path / "clone")


def test_one_changed_parameter_runs_its_cell_and_shows_in_diffs(clone: Clone) -> None:
    output = clone.dvc("exp", "run", "--name", "faster", *FASTER)
    assert set(stages_run(output)) == set().union(
        *({cell(name, "toy", track.neural), *track.downstream(name)} for name, track in TRACKS.items()))

    metrics = clone.dvc("metrics", "diff", "main")
    assert "dvc_plots/index.html" in clone.dvc("plots", "diff", "main")
    page = clone.read("dvc_plots/index.html")
    table = clone.dvc("exp", "show", "--md", "--only-changed")
    assert "faster" in table
    for name, track in TRACKS.items():
        assert f"metrics/toy/{name}/{track.neural}.json" in metrics
        changed = {line.split()[1] for line in metrics.splitlines()
                   if line.startswith(f"metrics/toy/{name}/{track.models[0]}.json")}
        # Where models are combined, the spread that widens everybody's intervals is that of all members.
        assert changed <= ({"coverage", "interval_width"} if track.combined else set())
        for kind in track.plots:  # one file, or one a run
            assert re.search(rf"plots/toy/{name}/{kind}/{track.neural}(-\d+)?\.csv", page)
        assert re.search(rf'src="static/workspace_plots_toy_{name}_\w+\.png"', page)
        assert f"{name}.models.{track.neural}.{track.knob.split('=')[0]}" in table
    assert '"rev": "main"' in page and '"rev": "workspace"' in page


def test_queued_experiments_run_in_copies_with_the_copies_code(clone: Clone) -> None:
    before = files(clone.path, "metrics", "params.yaml", "dvc.lock")
    cells = [cell(name, "toy", track.neural) for name, track in TRACKS.items()]
    two = [word.replace("5e-3", "3e-3,3e-2") if word.startswith("ctr.") else word for word in FASTER]
    clone.dvc("exp", "run", "--queue", *two, *cells)
    clone.dvc("exp", "run", "--run-all", "--jobs", "1")
    shas = clone.dvc("exp", "list", "--sha-only").split()
    assert len(shas) == 2
    locks = [clone.lock(), *(yaml().load(clone.git("show", f"{sha}:dvc.lock"))["stages"] for sha in shas)]
    for name in cells:
        models = {lock[name]["outs"][0]["md5"] for lock in locks}
        assert len(models) == (3 if "ctr" in name else 2), name  # as many models as values
    assert files(clone.path, "metrics", "params.yaml", "dvc.lock") == before


def test_a_size_more_leaves_the_others_alone(clone: Clone) -> None:
    before = {name: entry for name, entry in clone.lock().items() if "@toy" in name}
    cells = {name: cell(name, "medium", track.models[0]) for name, track in TRACKS.items()}
    output = clone.dvc("exp", "run", "--set-param", "sizes=[toy,medium]", *cells.values())
    ran = stages_run(output)
    for name, last in cells.items():
        first, second, *between, trained = [stage for stage in ran if stage.split("@")[0].endswith(f"-{name}")]
        assert (first, second, trained) == (f"extract-{name}@medium", f"convert-{name}@medium", last)
        # What the model itself doesn't read isn't made.
        assert set(between) <= {f"{verb}-{name}@medium" for verb in TRACKS[name].prepared}
    after = clone.lock()
    assert {name: after[name] for name in before} == before
    assert all((clone.path / "metrics" / "toy" / name).is_dir() for name in TRACKS)


def test_a_misspelt_parameter_is_one_line(clone: Clone) -> None:
    for name, track in TRACKS.items():
        model = track.neural
        clone.edit_params(lambda values, name=name, model=model: values[name]["models"][model].update(patienec=5))
        output = clone.dvc("repro", cell(name, "toy", model), fails=True)
        [line] = [line for line in output.splitlines() if line.startswith("error:")]
        where = f"params.yaml: {name}.models.{model}.patienec"
        assert line == f"error: {where}: unknown parameter; did you mean 'patience'?"
        assert "Traceback" not in output
        assert not (clone.path / "build" / "toy" / name / "models" / model).exists()
