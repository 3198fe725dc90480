"""Pictures and plot data: equal bytes for equal input, in this process and in the next, and no crash at the edges."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rankpipe.metrics import curves as metric_curves
from rankpipe.metrics.calibration import reliability
from rankpipe.plots import agreement, calibration, curves, cutoffs, data, leaderboard, learning, shares, slices, style

MODELS = [f"model{i}" for i in range(9)]


def draw_all(folder: Path, models: list[str]) -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(400) < 0.2
    p = {m: np.clip(0.2 * labels + rng.random(400) * 0.6, 0, 1) for m in models}
    roc = [curves.Curve(m, *metric_curves.roc(labels, p[m]), ".78 [.77, .79]", m == models[-1]) for m in models]
    pr = [curves.Curve(m, *metric_curves.precision_recall(labels, p[m]), ".3 [.2, .4]") for m in models]
    curves.roc(folder / "roc.png", roc, "subtitle", "AUC")
    curves.precision_recall(folder / "pr.png", pr, "subtitle", "AP", 0.2)
    panels = {m: (reliability(labels, p[m]), "ECE .01") for m in models}
    calibration.calibration(folder / "calibration.png", panels, "subtitle")
    bars = [leaderboard.Bar(m, 0.7 - i / 50, 0.68 - i / 50, 0.72 - i / 50, "words", i == 2)
            for i, m in enumerate(models)]
    leaderboard.leaderboard(folder / "leaderboard.png", bars, bars[-1], "subtitle", "AUC", "a note")
    steps = {m: ([1.0, 2.0, 3.0], [0.5, 0.7, 0.6 + i / 100]) for i, m in enumerate(models)}
    learning.learning_curves(folder / "learning.png", steps, "subtitle", "epoch", "valid AUC")
    values = rng.random((3, len(models)))
    values[1] = np.nan
    parts = [("a", "1", "9 rows"), ("a", "2", "1 row"), ("b", "3", "2 rows")]
    slices.heat_map(folder / "slices.png", values, parts, models, "AUC by slice", "subtitle")
    cutoffs.cutoffs(folder / "cutoffs.png", {m: np.linspace(0, 1 - i / 9, 30) for i, m in enumerate(models)},
                    models[-1:], 10, "subtitle", "recall")
    points = [agreement.Point(m, (i, i - 0.5, i + 0.5), (i, i - 0.4, i + 0.6), i == 2) for i, m in enumerate(models)]
    agreement.agreement(folder / "agreement.png", points, "subtitle", ("valid", "test"), ["Spearman 1.000"])
    lines = [shares.Line(m, np.array([0.97, 0.03]), "words", i == 0) for i, m in enumerate(models)]
    shares.shares(folder / "shares.png", lines, ["many", "few"], "Shares", "subtitle", "share", "head")


def digests(folder: Path) -> dict[str, str]:
    return {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(folder.iterdir())}


def test_pictures_are_equal_in_every_byte(tmp_path):
    """Once here, and once in a process with another hash seed, working directory and settings file."""
    draw_all(tmp_path / "first", MODELS)
    first = digests(tmp_path / "first")
    assert len(first) == 9
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 9\nsavefig.dpi: 30\n")
    here = Path(__file__).parent
    code = "import pathlib, test_plots; test_plots.draw_all(pathlib.Path('other'), test_plots.MODELS)"
    other = {**os.environ, "PYTHONHASHSEED": "5", "PYTHONPATH": f"{here}:{here.parent / 'src'}"}
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, env=other)
    assert digests(tmp_path / "other") == first


def test_pictures_carry_neither_time_nor_program(tmp_path):
    draw_all(tmp_path / "first", MODELS[:1])
    draw_all(tmp_path / "again", MODELS[:1])
    assert digests(tmp_path / "first") == digests(tmp_path / "again")
    for path in (tmp_path / "first").iterdir():
        assert not any(word in path.read_bytes() for word in (b"tEXt", b"tIME", b"iTXt"))


def test_a_failed_picture_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), style.picture(tmp_path / "x.png", 4, 3, "title", "subtitle"):
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_edges_of_metrics_can_be_drawn(tmp_path):
    """A perfect model, one that knows nothing, a single evaluation, a bin without clicks, no slice with a metric."""
    labels = np.array([0, 0, 0, 1])
    for name, p in (("perfect", np.array([0.0, 0.0, 0.0, 1.0])), ("constant", np.full(4, 0.25))):
        lines = [[curves.Curve(name, *curve(labels, p), "words")] for curve in (
            metric_curves.roc, metric_curves.precision_recall)]
        curves.roc(tmp_path / "roc.png", lines[0], "subtitle", "AUC")
        curves.precision_recall(tmp_path / "pr.png", lines[1], "subtitle", "AP", 0.25)
        calibration.calibration(tmp_path / "calibration.png", {name: (reliability(labels, p), "words")}, "subtitle")
    learning.learning_curves(tmp_path / "learning.png", {"a": ([1.0], [0.5])}, "subtitle", "epoch", "AUC")
    falling = {"a": ([1.0, 2.0], [0.5, 0.4])}
    learning.learning_curves(tmp_path / "falling.png", falling, "subtitle", "epoch", "loss", False)
    nothing = np.full((1, 1), np.nan)
    slices.heat_map(tmp_path / "slices.png", nothing, [("a", "1", "2 rows")], ["m"], "title", "subtitle")
    assert len(list(tmp_path.glob("*.png"))) == 6


def test_labels_keep_their_distance_and_order():
    assert style.spread([0.5, 0.5, 0.9], 0.1, 0.0, 1.0) == pytest.approx([0.5, 0.6, 0.9])
    assert style.spread([0.95, 1.0], 0.1, 0.0, 1.0) == pytest.approx([0.9, 1.0])
    assert style.colours(["b", "a"]) == style.colours(["a", "b"])


def test_csv_is_short_and_stable(tmp_path):
    data.write_csv(tmp_path / "a.csv", [{"x": 1 / 3, "y": None, "n": 2}, {"x": -1e-9, "y": "é", "n": 3}])
    assert (tmp_path / "a.csv").read_bytes() == "x,y,n\n0.333333,,2\n0.0,é,3\n".encode()
    data.write_csv(tmp_path / "b.csv", [], columns=("x", "y"))
    assert (tmp_path / "b.csv").read_text() == "x,y\n"
    with pytest.raises(ValueError, match="neither"):
        data.write_csv(tmp_path / "c.csv", [])
    with pytest.raises(ValueError, match="fields not in"):
        data.write_csv(tmp_path / "c.csv", [{"x": 1}, {"z": 1}])
    assert not (tmp_path / "c.csv").exists()
    assert data.thinned(3, 200) == [0, 1, 2]
    kept = data.thinned(10_000, 200)
    assert len(kept) == 200 and (kept[0], kept[-1]) == (0, 9999)
