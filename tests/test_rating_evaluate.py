"""RMSE, MAE and R² worked by hand; verdicts, words, slices, coverage and the files that evaluation leaves."""

import csv
import json
import re
import subprocess
import sys

import numpy as np
import pytest
import rating_judged as judged

from rankpipe import leaderboard, paths
from rankpipe.errors import InputError
from rankpipe.metrics.regression import Regression, rmse
from rankpipe.rating.evaluate import drawn_units, evaluate
from rankpipe.rating.slices import Slices, slices
from rankpipe.rating.table import Ratings


class TestRegression:
    def test_by_hand(self):
        """Errors 1, −1, 2, 0 about y = 1, 2, 4, 5 with mean 3: Σe² = 6, Σ|e| = 4, Σ(y − 3)² = 10."""
        of = Regression(np.array([1, 2, 4, 5]), np.array([0.0, 3.0, 2.0, 5.0]))
        assert of.estimate() == pytest.approx({"rmse": np.sqrt(6 / 4), "mae": 1.0, "r2": 1 - 6 / 10})
        assert rmse(np.array([3.0]), np.array([1.0])) == 2.0

    def test_weights_are_repetitions(self):
        rng = np.random.default_rng(0)
        y, p = rng.normal(3, 1, 50) + 1e4, rng.normal(3, 1, 50) + 1e4
        weights = rng.integers(0, 4, (3, 50)).astype(np.uint8)
        repeated = [Regression(np.repeat(y, w), np.repeat(p, w)).estimate() for w in weights]
        found = Regression(y, p)(weights)
        np.testing.assert_allclose(found, [[r[k] for k in ("rmse", "mae", "r2")] for r in repeated], rtol=1e-9)

    def test_all_alike_has_no_r2(self):
        found = Regression(np.full(4, 3.0), np.array([3.0, 4.0, 2.0, 3.0])).estimate()
        assert np.isnan(found["r2"]) and found["mae"] == 0.5

    @pytest.mark.parametrize(("y", "p", "said"), [
        ([1.0, 2.0], [1.0], "(2,) true values for (1,) predicted"), ([], [], "N > 0"),
        ([1.0, 2.0], [1.0, np.nan], "1 of 2 values are NaN or infinite, first in row 1")])
    def test_refuses(self, y, p, said):
        with pytest.raises(InputError, match=re.escape(said)):
            Regression(np.array(y), np.array(p))


def test_slices_by_hand():
    def ratings(users, items, given):
        return Ratings(np.array(users, np.int32), np.array(items, np.int32), np.array(given, np.float32), None,
                       np.arange(len(users)))

    train = ratings([0, 0, 0, 1], [0, 1, 1, 1], [1, 2, 3, 4])
    test = ratings([0, 1, -1, 0], [1, 1, 0, -1], [5, 1, 5, 3])
    found = {(s.column, s.value): s.rows.tolist() for s in slices(Slices(activity=(2, 3)), test, train)}
    assert found == {
        ("user's ratings in train", "new"): [2], ("user's ratings in train", "1–1"): [1],
        ("user's ratings in train", "3+"): [0, 3], ("item's ratings in train", "new"): [3],
        ("item's ratings in train", "1–1"): [2], ("item's ratings in train", "3+"): [0, 1],
        ("rating given", "1"): [1], ("rating given", "3"): [3], ("rating given", "5"): [0, 2]}


def test_units_are_users_and_every_unknown_one_its_own():
    of = Ratings(np.array([3, -1, 3, -1], np.int32), np.zeros(4, np.int32), np.ones(4, np.float32), None, np.arange(4))
    assert drawn_units("row", of) is None
    assert len(np.unique(drawn_units("user", of))) == 3


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """A folder in which everything was judged once."""
    folder = tmp_path_factory.mktemp("judged")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        judged.scene(folder)
        evaluate("toy")
    return folder


class TestStage:
    @pytest.fixture(autouse=True)
    def there(self, scene, monkeypatch):
        monkeypatch.chdir(scene)

    def board(self):
        return leaderboard.load(paths.leaderboard("toy", "rating") / leaderboard.FILE)

    def test_the_board_ranks_by_rmse_and_says_who_beats_the_best_baseline(self):
        board = self.board()
        rows = {row.model: row for row in board.rows}
        assert board.baseline == "mf" and rows["mean"].role == "constant" and rows["bias"].role == "baseline"
        assert [row.model for row in board.rows][-1] == "mean" and board.rows[0].model in ("ensemble", "deepfm")
        assert rows["deepfm"].gap.verdict == "better" and rows["multitower"].gap.verdict == "worse"
        labels, rating = judged.read("deepfm", "test")[1:]
        figure = rows["deepfm"].figures["rmse"]
        assert figure.value == pytest.approx(np.sqrt(np.mean((rating - labels) ** 2)), abs=1e-6)
        assert figure.low < figure.value < figure.high

    def test_words(self):
        notes = "\n".join(self.board().notes)
        assert re.search(r"beat the bias baseline, .*: .*deepfm", notes)
        assert re.search(r"multitower (is worse than|is not shown to beat) the bias baseline: RMSE \+0\.\d+", notes)
        assert re.search(r"reading scale .*: (ensemble|deepfm) with RMSE 0\.\d+ is (very good|outstanding)", notes)
        assert re.search(r"90% intervals of ensemble hold 0\.\d+ \[0\.\d+, 0\.\d+\] of the test ratings", notes)

    def test_metrics_are_flat_and_hold_valid_and_coverage(self):
        values = json.loads((paths.metrics("toy", "rating") / "ensemble.json").read_text())
        assert {"rmse", "rmse_low", "rmse_high", "mae", "r2", "valid_rmse", "valid_mae", "rows", "coverage",
                "interval_width"} == set(values)
        assert values["rows"] == 500 and 0.8 < values["coverage"] < 0.97
        assert {p.stem for p in paths.metrics("toy", "rating").iterdir()} == {"mean", "ensemble", *judged.NOISE}

    def test_coverage_by_level_rises_and_slices_hold_their_errors(self):
        with (paths.leaderboard("toy", "rating") / "intervals.csv").open() as file:
            lines = [line for line in csv.DictReader(file) if line["model"] == "deepfm"]
        shares = [float(line["coverage"]) for line in lines]
        assert shares == sorted(shares) and [float(line["level"]) for line in lines] == [.5, .6, .7, .8, .9, .95]
        assert all(float(line["coverage_low"]) <= float(line["coverage"]) <= float(line["coverage_high"])
                   for line in lines)
        with (paths.leaderboard("toy", "rating") / "slices.csv").open() as file:
            found = {(line["column"], line["value"], line["model"]): line for line in csv.DictReader(file)}
        labels, rating = judged.read("mf", "test")[1:]
        line = found["rating given", "5", "mf"]
        assert float(line["rmse"]) == pytest.approx(np.sqrt(np.mean((rating - 5)[labels == 5] ** 2)), abs=1e-5)
        assert float(line["bias"]) == pytest.approx((rating - 5)[labels == 5].mean(), abs=1e-5)
        assert int(found["user's ratings in train", "new", "mf"]["rows"]) > 20

    def test_plots_are_there_and_the_same_bytes_each_time(self):
        root = paths.plots("toy", "rating")
        drawn = {p.name for p in (root / "png").iterdir()}
        assert drawn == {"leaderboard.png", "predicted.png", "coverage.png", "learning_curves.png", "slices.png"}
        assert {p.name for p in root.iterdir()} == {"png", "curve", "predicted", "leaderboard.csv", "coverage.csv"}
        before = {p: p.read_bytes() for folder in (root, paths.metrics("toy", "rating"),
                                                   paths.leaderboard("toy", "rating"))
                  for p in sorted(folder.rglob("*")) if p.is_file()}
        evaluate("toy")
        assert {p: p.read_bytes() for p in before} == before

    def test_stale_scores_are_one_clear_line(self):
        rows = judged.read("mf", "test")[0]
        for model in ("mean", *judged.NOISE):
            of = judged.read(model, "test")
            judged.write(model, "test", of[0] + 1, of[1], of[2])
        with pytest.raises(InputError, match="its rows are not those of the models' scores; run dvc repro ensemble"):
            evaluate("toy")
        for model in ("mean", *judged.NOISE):
            of = judged.read(model, "test")
            judged.write(model, "test", rows, of[1], of[2])

    def test_needs_no_torch(self):
        code = "import sys, rankpipe.rating.evaluate, rankpipe.rating.ensemble; sys.exit('torch' in sys.modules)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
