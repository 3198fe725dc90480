"""Weights learned on valid, the spread of members, and intervals that hold what they promise."""

import re

import numpy as np
import pyarrow.parquet as pq
import pytest
import rating_judged as judged
from scipy.optimize import minimize

from rankpipe.errors import InputError
from rankpipe.rating import conformal
from rankpipe.rating.conformal import Conformal, calibrate, quantile
from rankpipe.rating.ensemble import Ensemble, Settings, combine, ensemble, learn_weights, load
from rankpipe.rating.scores import Scores, ensemble_folder


def invented(rows: int, seed: int = 0, noise=(0.4, 0.4, 1.5)) -> Scores:
    rng = np.random.default_rng(seed)
    taste = rng.normal(3, 1, rows)
    return Scores(np.arange(rows), taste + rng.normal(0, 0.5, rows),
                  {f"m{i}": taste + s * rng.normal(size=rows) for i, s in enumerate(noise)})


class TestWeights:
    def test_by_hand(self):
        """One member: w = (x·y + λ)/(x·x + λ), since 1/M = 1."""
        x, y = np.array([[1.0], [2.0], [-3.0]]), np.array([1.0, 1.0, -2.0])
        assert learn_weights(x, y, 2.0) == pytest.approx([(9 + 2) / (14 + 2)])

    def test_is_the_least_of_what_it_says_and_never_negative(self):
        rng = np.random.default_rng(1)
        x = rng.normal(size=(80, 4))
        y = x @ np.array([0.7, 0.4, -0.5, 0.0]) + 0.1 * rng.normal(size=80)
        found = learn_weights(x, y, 3.0)

        def loss(w):
            return np.square(y - x @ w).sum() + 3.0 * np.square(w - 0.25).sum()

        best = minimize(loss, np.full(4, 0.25), bounds=[(0, None)] * 4, tol=1e-12).x
        np.testing.assert_allclose(found, best, atol=1e-4)
        assert found[2] == 0 and found[0] > 0.5

    def test_strong_shrinkage_gives_the_plain_mean(self):
        x = np.random.default_rng(2).normal(size=(50, 4))
        np.testing.assert_allclose(learn_weights(x, x[:, 0], 1e9), 0.25, atol=1e-6)


class TestCombine:
    def test_beats_its_best_member_and_prefers_better_ones(self):
        valid, test = invented(2000), invented(2000, 9)
        found, _ = combine(valid, ["m0", "m1", "m2"], Settings(l2=1.0), 7, -9, 9)
        rating, spread = found.ratings(test.ratings)
        own = {m: np.sqrt(np.mean(np.square(r - test.labels))) for m, r in test.ratings.items()}
        assert np.sqrt(np.mean(np.square(rating - test.labels))) < min(own.values()) - 0.02
        assert found.weights["m0"] > 5 * found.weights.get("m2", 0)
        assert (spread >= 0).all() and spread.std() > 0

    def test_a_row_of_valid_is_rated_by_weights_that_never_saw_it(self):
        """Members of pure noise fit 40 rows a little; the crossed figure must not show that as a gain."""
        rng = np.random.default_rng(3)
        gains, honest = [], []
        for _ in range(20):
            labels = rng.normal(size=40)
            valid = Scores(np.arange(40), labels, {f"m{i}": rng.normal(size=40) for i in range(8)})
            found, crossed = combine(valid, list(valid.ratings), Settings(l2=0.01), 7, -9, 9)
            base = np.mean(np.square(labels - labels.mean()))
            gains.append(base - np.mean(np.square(labels - found.ratings(valid.ratings)[0])))
            honest.append(base - np.mean(np.square(labels - crossed)))
        assert np.mean(gains) > 0.05 > 0 > np.mean(honest)

    def test_spread_and_rating_by_hand(self):
        found = Ensemble({"a": 0.6, "b": 0.2}, {"a": 3.0, "b": 2.0}, 3.5, 1.0, 5.0, {}, 0.9)
        rating, spread = found.ratings({"a": np.array([4.0, 9.0]), "b": np.array([2.0, 9.0]), "c": np.zeros(2)})
        assert rating == pytest.approx([3.5 + 0.6 * 1.0 + 0.2 * 0.0, 5.0])
        assert spread == pytest.approx([np.sqrt(0.75 * 0.25) * 2, 0.0])  # shares .75 and .25, two apart

    def test_too_few_rows_are_one_clear_line(self):
        with pytest.raises(InputError, match="7 rows of valid are too few for 5 folds"):
            combine(invented(7), ["m0"], Settings(), 7, 1, 5)


class TestConformal:
    def test_quantile_by_hand(self):
        """n = 4: ⌈5·level⌉ smallest; a level beyond 4/5 can't be promised by four rows."""
        values = np.array([4.0, 1.0, 3.0, 2.0])
        assert [quantile(values, level) for level in (0.2, 0.5, 0.6, 0.8, 0.81)] == [1, 3, 3, 4, None]

    def test_interval_by_hand(self):
        of = Conformal({0.5: 0.5, 0.9: 2.0, 0.99: None}, 0.25, 1.0, 5.0)
        low, high = of.interval(np.array([3.0, 4.9]), np.array([0.25, 0.75]), 0.9)
        assert low.tolist() == pytest.approx([2.0, 2.9]) and high.tolist() == pytest.approx([4.0, 5.0])
        low, high = of.interval(np.array([3.0]), np.array([0.0]), 0.99)
        assert (low[0], high[0]) == (1.0, 5.0)
        with pytest.raises(InputError, match=re.escape("level 0.8: intervals are calibrated for 0.5, 0.9, 0.99")):
            of.interval(np.array([3.0]), np.array([0.0]), 0.8)
        assert Conformal.from_json(of.to_json(), "x") == of

    def test_holds_what_it_promises_over_many_draws(self):
        """Mean coverage over draws of valid is level, and at most 1/(n + 1) more; whatever the distribution."""
        rng = np.random.default_rng(4)
        held = {0.5: [], 0.9: []}
        for _ in range(300):
            y = rng.exponential(size=60)
            of = calibrate(y[:30], np.ones(30), np.zeros(30), 0.9, -99, 99)
            for level, shares in held.items():
                low, high = of.interval(np.ones(30), np.zeros(30), level)
                shares.append(np.mean((y[30:] >= low) & (y[30:] <= high)))
        for level, shares in held.items():
            assert level - 0.015 < np.mean(shares) < level + 1 / 31 + 0.015

    def test_the_spread_is_used_where_it_tells_and_only_there(self):
        rng = np.random.default_rng(5)
        spread = rng.choice([0.1, 1.0], 800)
        y, zero = spread * rng.normal(size=800), np.zeros(800)
        telling, silent = (calibrate(of, zero, spread, 0.9, -9, 9) for of in (y, rng.permutation(y)))
        assert telling.floor == pytest.approx(spread.mean()) and silent.floor is None
        low, high = telling.interval(zero, spread, 0.9)
        assert (high - low)[spread == 1].mean() > 1.5 * (high - low)[spread == 0.1].mean()
        assert calibrate(y, zero, zero, 0.9, -9, 9).floor is None


class TestStage:
    def test_writes_ratings_spread_and_intervals_of_every_model(self, tmp_path, monkeypatch, capsys):
        monkeypatch.chdir(tmp_path)
        judged.scene(tmp_path)
        folder = ensemble_folder("toy")
        found = load(folder)
        assert "mean" not in found.weights and found.weights["deepfm"] == max(found.weights.values())
        assert set(found.intervals) == {"mean", *judged.NOISE, "ensemble"}
        assert set(found.intervals["mf"].quantiles) == {*conformal.LEVELS, 0.9}
        table = pq.read_table(folder / "test.parquet")
        assert table.column_names == ["row", "label", "rating", "spread"] and table.num_rows == 500
        mine = {m: judged.read(m, "test")[2].astype(np.float64) for m in judged.NOISE}
        np.testing.assert_allclose(table["rating"].to_numpy(), found.ratings(mine)[0], atol=1e-6)
        before = {p.name: p.read_bytes() for p in folder.iterdir()}
        ensemble("toy")
        assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
        assert "ensemble: bias" in capsys.readouterr().out

    def test_what_does_not_fit_is_one_clear_line(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        judged.scene(tmp_path)
        rows, labels, rating = judged.read("mf", "valid")
        judged.write("mf", "valid", rows + 1, labels, rating)
        with pytest.raises(InputError, match=r"its rows are not those of 'mean'.*dvc repro train-rating@toy-mean"):
            ensemble("toy")
        rating[3] = np.nan
        judged.write("mf", "valid", rows, labels, rating)
        with pytest.raises(InputError, match="1 of 400 in column 'rating' are NaN or infinite"):
            ensemble("toy")
        path = tmp_path / "params.yaml"
        path.write_text(path.read_text().replace("{l2: 5.0}", "{members: [depfm]}"))
        with pytest.raises(InputError, match=r"no 'depfm' in rating\.models; did you mean 'deepfm'"):
            ensemble("toy")
        (ensemble_folder("toy") / "ensemble.json").write_text('{"format": 1, "weights": {}}')
        with pytest.raises(InputError, match="damaged"):
            load(ensemble_folder("toy"))
