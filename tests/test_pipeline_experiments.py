"""Experiments, comparisons and sizes, by the commands that the README names."""

import re
from pathlib import Path

import pytest
from clones import Clone, copy_of, files, stages_run

pytestmark = pytest.mark.timeout(1800)  # the first test of all waits for a whole pipeline, on whatever else runs here

BEFORE_TRAIN = ("extract", "convert", "features")
DOWNSTREAM = {"evaluate-ctr@toy", "predict-ctr@toy", "push-ctr@toy"}


@pytest.fixture
def clone(undisturbed: Clone, tmp_path: Path) -> Clone:
    return copy_of(undisturbed, tmp_path / "clone")


def test_one_changed_parameter_runs_its_cell_and_shows_in_diffs(clone: Clone) -> None:
    output = clone.dvc("exp", "run", "--name", "faster", "--set-param", "ctr.models.deepfm.lr=5e-3")
    assert set(stages_run(output)) == {"train-ctr@toy-deepfm", *DOWNSTREAM}

    metrics = clone.dvc("metrics", "diff", "main")
    assert "metrics/toy/ctr/deepfm.json" in metrics
    assert "metrics/toy/ctr/lr.json" not in metrics

    assert "dvc_plots/index.html" in clone.dvc("plots", "diff", "main")
    page = clone.read("dvc_plots/index.html")
    for kind in ("roc", "pr", "calibration", "curve"):
        assert f"plots/toy/ctr/{kind}/deepfm.csv" in page
    assert re.search(r'src="static/workspace_plots_toy_ctr_\w+\.png"', page)
    assert '"rev": "main"' in page and '"rev": "workspace"' in page

    table = clone.dvc("exp", "show", "--md", "--only-changed")
    assert "faster" in table and "ctr.models.deepfm.lr" in table


def test_queued_experiments_run_in_copies_with_the_copies_code(clone: Clone) -> None:
    before = files(clone.path, "metrics", "params.yaml", "dvc.lock")
    clone.dvc("exp", "run", "--queue", "--set-param", "ctr.models.lr.lr=3e-3,3e-2", "train-ctr@toy-lr")
    clone.dvc("exp", "run", "--run-all", "--jobs", "1")
    names = clone.dvc("exp", "list", "--name-only").split()
    assert len(names) == 2
    locks = {clone.git("show", f"{clone.dvc('exp', 'list', '--sha-only').split()[i]}:dvc.lock") for i in range(2)}
    assert len(locks | {before["dvc.lock"].decode()}) == 3  # three learning rates, three models
    assert files(clone.path, "metrics", "params.yaml", "dvc.lock") == before


def test_a_size_more_leaves_the_others_alone(clone: Clone) -> None:
    before = {name: entry for name, entry in clone.lock().items() if "@toy" in name}
    output = clone.dvc("exp", "run", "--set-param", "sizes=[toy,medium]", "train-ctr@medium-lr")
    assert stages_run(output) == [*(f"{verb}-ctr@medium" for verb in BEFORE_TRAIN), "train-ctr@medium-lr"]
    after = clone.lock()
    assert {name: after[name] for name in before} == before
    assert (clone.path / "metrics" / "toy" / "ctr" / "lr.json").is_file()


def test_a_misspelt_parameter_is_one_line(clone: Clone) -> None:
    clone.edit_params(lambda values: values["ctr"]["models"]["deepfm"].update(dropuot=0.5))
    output = clone.dvc("repro", "train-ctr@toy-deepfm", fails=True)
    [line] = [line for line in output.splitlines() if line.startswith("error:")]
    assert line == "error: params.yaml: ctr.models.deepfm.dropuot: unknown parameter; did you mean 'dropout'?"
    assert "Traceback" not in output
    assert not (clone.path / "build" / "toy" / "ctr" / "models" / "deepfm").exists()
