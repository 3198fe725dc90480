"""Resamples, intervals and paired comparisons: what is drawn, what is covered, what is called different."""

import math

import numpy as np
import pytest

from rankpipe.errors import InputError
from rankpipe.metrics import bootstrap as module
from rankpipe.metrics.bootstrap import Means, Resamples, WeightedMeans, interval, resample
from rankpipe.metrics.classification import Classification
from rankpipe.metrics.comparison import difference, holm
from rankpipe.metrics.probability import logloss
from rankpipe.metrics.ranking import auc, average_precision


def clicks(n, seed, noise=0.0, rate=-1.0):
    rng = np.random.default_rng(seed)
    z = rng.normal(rate, 1.5, n)
    return rng.random(n) < 1 / (1 + np.exp(-z)), 1 / (1 + np.exp(-(z + noise * rng.normal(size=n))))


def test_each_resample_draws_as_many_rows_as_there_are():
    weights = np.concatenate(list(Resamples(1000, 20, seed=3).blocks()))
    assert weights.shape == (20, 1000) and (weights.sum(axis=1) == 1000).all()
    assert len({w.tobytes() for w in weights}) == 20
    # Poisson-like: a row is left out with probability 1/e, and its count has variance 1.
    assert (weights == 0).mean() == pytest.approx(math.exp(-1), abs=0.01)
    assert weights.var() == pytest.approx(1, abs=0.05)


def test_units_are_drawn_whole():
    units = np.array([40, 7, 7, 40, 3])
    for weights in Resamples(5, 50, seed=1, units=units).blocks():
        assert (weights[:, 0] == weights[:, 3]).all() and (weights[:, 1] == weights[:, 2]).all()
        assert (weights[:, [0, 1, 4]].sum(axis=1) == 3).all()


def test_the_same_seed_gives_the_same_draws_whatever_the_block(monkeypatch):
    labels, p = clicks(300, 0)
    values = resample([Classification(labels, p)], Resamples(300, 30, seed=5))
    monkeypatch.setattr(module, "_BLOCK", 700)
    again = resample([Classification(labels, p)], Resamples(300, 30, seed=5))
    assert np.allclose(values, again, rtol=1e-12)
    assert not np.allclose(values, resample([Classification(labels, p)], Resamples(300, 30, seed=6)))


def test_a_value_equals_the_metric_of_the_rows_that_were_drawn():
    labels, p = clicks(200, 1)
    p = np.round(p, 1)  # ties
    resamples = Resamples(200, 5, seed=0)
    statistic = Classification(labels, p)
    values = resample([statistic], resamples)[:, 0]
    for b in range(5):
        drawn = np.repeat(np.arange(200), resamples.weights(b))
        for metric in (auc, average_precision, logloss):
            assert values[b, statistic.names.index(metric.__name__)] == pytest.approx(metric(labels[drawn], p[drawn]))


def test_interval_covers_the_truth_as_often_as_it_says():
    """200 data sets of known expectation: a 90 % interval must cover it in 84 to 96 % (three standard errors)."""
    big = clicks(400_000, 99, noise=0.5)
    truth = {"auc": auc(*big), "logloss": logloss(*big)}
    covered = dict.fromkeys(truth, 0)
    for seed in range(200):
        statistic = Classification(*clicks(400, seed, noise=0.5))
        values = resample([statistic], Resamples(400, 200, seed=seed))[:, 0]
        low, high = interval(values, 0.9)
        for name, value in truth.items():
            k = statistic.names.index(name)
            covered[name] += low[k] <= value <= high[k]
    assert all(168 <= n <= 192 for n in covered.values()), covered


def test_interval_of_users_is_wider_where_their_rows_agree():
    """100 users with one opinion each, 20 rows: rows drawn singly pretend to 20 times the evidence (√20 ≈ 4.5)."""
    values = np.repeat(np.random.default_rng(0).normal(size=100), 20)
    widths = {}
    for name, units in (("rows", None), ("users", np.repeat(np.arange(100), 20))):
        low, high = interval(resample([WeightedMeans(values)], Resamples(2000, 500, 0, units))[:, 0])
        widths[name] = high - low
    assert 3.5 < widths["users"] / widths["rows"] < 5.5


def test_means_of_several_columns():
    values = np.arange(12.0).reshape(4, 3)
    weights = np.array([[1, 0, 2, 1], [4, 0, 0, 0]], dtype=np.uint8)
    assert np.allclose(WeightedMeans(values)(weights), [(values[0] + 2 * values[2] + values[3]) / 4, values[0]])
    assert np.allclose(WeightedMeans(values[:, 0])(weights), [(0 + 12 + 9) / 4, 0])


def test_means_carry_names_and_refuse_what_is_no_number():
    means = Means(("recall", "ndcg"), [[1, 0.5], [0, 0.25]])
    assert means.estimate() == {"recall": 0.5, "ndcg": 0.375}
    assert np.allclose(means(np.array([[2, 0]])), [[1, 0.5]])
    with pytest.raises(InputError, match="means of recall, ndcg: 1 values are NaN"):
        Means(("recall", "ndcg"), [[1, np.nan]])
    with pytest.raises(InputError, match=r"need rows of 1 values, got \(2, 2\)"):
        Means(("recall",), np.zeros((2, 2)))


def test_undefined_resamples_are_left_out_and_never_invented():
    values = np.array([[0.5, 0.5, np.nan], [np.nan, 0.7, np.nan], [0.9, np.nan, np.nan], [0.7, np.nan, np.nan]])
    low, high = interval(values, 0.9)
    assert 0.5 <= low[0] < high[0] <= 0.9
    assert low[1] == pytest.approx(0.51) and np.isnan(low[2]) and np.isnan(high[2])
    one_click = Classification(np.arange(20) == 3, np.linspace(0, 1, 20))
    drawn = resample([one_click], Resamples(20, 200, 0))[:, 0, 0]
    assert 0.25 < np.isnan(drawn).mean() < 0.5  # left out with probability (19/20)^20 = .36


def test_a_centred_interval_holds_the_estimate():
    """Calibration error: resamples of a well calibrated model lie above the estimate."""
    labels, p = clicks(3000, 4)
    statistic = Classification(labels, p)
    k = statistic.names.index("calibration_error")
    estimate = statistic.estimate()["calibration_error"]
    values = resample([statistic], Resamples(3000, 300, 0))[:, 0, k]
    assert values.mean() > estimate
    low, high = interval(values, 0.95, centre=estimate)
    assert low < estimate < high
    plain = interval(values, 0.95)
    assert high - low == pytest.approx(plain[1] - plain[0])


def test_differences_are_paired():
    """Two models that share their noise: the interval of the difference is far narrower than those of the models."""
    labels, p = clicks(2000, 5)
    rng = np.random.default_rng(0)
    worse = p * np.exp(0.3 * rng.normal(size=2000)) / 8
    models = [Classification(labels, p), Classification(labels, worse)]
    values = resample(models, Resamples(2000, 400, 1))[:, :, 0]
    gap = difference(models[0].estimate()["auc"], models[1].estimate()["auc"], values[:, 0], values[:, 1])
    single = interval(values[:, 0])
    assert gap.estimate > 0 and gap.low > 0 and gap.p < 0.01
    assert gap.high - gap.low < 0.6 * (single[1] - single[0])
    assert difference(0.7, 0.7, values[:, 0], values[:, 0]).p == 1


def test_equal_models_are_called_different_as_rarely_as_promised():
    """Under the null p must be uniform: below .1 in about a tenth of 200 trials (5 to 32, three standard errors)."""
    hits = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        labels, z = rng.random(300) < 0.3, rng.normal(size=300)
        a, b = (1 / (1 + np.exp(-(z + labels + rng.normal(size=300)))) for _ in range(2))
        models = [Classification(labels, a), Classification(labels, b)]
        values = resample(models, Resamples(300, 150, seed))[:, :, 0]
        hits += difference(auc(labels, a), auc(labels, b), values[:, 0], values[:, 1]).p < 0.1
    assert 7 <= hits <= 33


def test_holm_by_hand():
    # Sorted .01, .02, .03, .04 times 4, 3, 2, 1, never falling: .04, .06, .06, .06.
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0] and holm([]) == []


def test_refuses_what_cannot_be_resampled():
    with pytest.raises(InputError, match="at least two"):
        Resamples(3, 10, 0, np.zeros(3))
    with pytest.raises(InputError, match="2 unit codes for 3 rows"):
        Resamples(3, 10, 0, np.arange(2))
    with pytest.raises(InputError, match="cannot draw"):
        Resamples(0, 10, 0)
