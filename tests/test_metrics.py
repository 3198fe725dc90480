"""Metrics against numbers worked out by hand, against scikit-learn, and against rows repeated by their weight."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk

from rankpipe.errors import InputError
from rankpipe.metrics.calibration import assign, calibration_error, reliability
from rankpipe.metrics.classification import HIGHER, Classification
from rankpipe.metrics.curves import precision_recall, roc
from rankpipe.metrics.probability import logloss, normalised_entropy, prior_shift, task_score
from rankpipe.metrics.ranking import auc, average_precision

RANKED = (auc, average_precision, normalised_entropy, task_score)
ALL = (*RANKED, logloss, calibration_error)


@st.composite
def weighted_rows(draw):
    """Labels of both classes, probabilities with many ties, counts of 0 to 3."""
    n = draw(st.integers(2, 40))
    labels = np.array([0, 1, *draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))])
    p = np.array(draw(st.lists(st.sampled_from([0.0, 0.1, 0.25, 0.3, 0.5, 0.9, 1.0]), min_size=n, max_size=n)))
    counts = np.array([1, 1, *draw(st.lists(st.integers(0, 3), min_size=n - 2, max_size=n - 2))])
    return labels, p, counts


def test_auc_by_hand():
    # Pairs (positive, negative): .8 beats .6, .4, .2; .4 loses to .6, ties .4, beats .2: (3 + 1.5) / 6.
    assert auc([1, 0, 1, 0, 0], [0.8, 0.6, 0.4, 0.4, 0.2]) == pytest.approx(4.5 / 6, abs=1e-15)
    assert auc([0, 1], [0.1, 0.9]) == 1.0
    assert auc([1, 0], [0.1, 0.9]) == 0.0
    assert auc([1, 0, 0, 1], [0.5, 0.5, 0.5, 0.5]) == 0.5


def test_average_precision_by_hand():
    # Recall rises by 1/2 at .8 (precision 1) and by 1/2 at .4 (2 hits of 4, the tied negative counts).
    assert average_precision([1, 0, 1, 0, 0], [0.8, 0.6, 0.4, 0.4, 0.2]) == pytest.approx(0.5 + 0.5 * 2 / 4)
    assert average_precision([1, 0, 0, 0], [0.5, 0.5, 0.5, 0.5]) == pytest.approx(0.25)


def test_a_better_model_has_the_better_value():
    """A metric with the wrong sign would fail here."""
    labels = np.tile([0, 0, 0, 1], 50)
    good, bad = np.where(labels, 0.7, 0.1), np.where(labels, 0.3, 0.24)
    worse = bad[::-1]
    a = Classification(labels, good, prior=0.25).estimate()
    b = Classification(labels, worse, prior=0.25).estimate()
    assert set(a) == set(HIGHER)
    for name in ("auc", "average_precision", "logloss", "normalised_entropy", "score", "score_shifted"):
        assert (a[name] > b[name]) == HIGHER[name], name


def test_losses_by_hand():
    labels, p = [1, 0, 0, 0], [0.5, 0.25, 0.25, 0.25]
    loss = (math.log(2) + 3 * math.log(4 / 3)) / 4
    rate = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    assert logloss(labels, p) == pytest.approx(loss)
    assert normalised_entropy(labels, p) == pytest.approx(loss / rate)
    # Predicting the rate is 1 by definition.
    assert normalised_entropy(labels, [0.25] * 4) == pytest.approx(1)
    # AP 1, WLL = ½·ln 2 + ½·ln(4/3).
    assert task_score(labels, p) == pytest.approx(0.5 + 0.5 / (1 + (math.log(2) + math.log(4 / 3)) / 2))


def test_certainty_is_clipped():
    assert logloss([1], [0.0]) == pytest.approx(-math.log(1e-15))
    assert logloss([0], [1.0]) == pytest.approx(-math.log(1e-15), rel=1e-2)
    assert logloss([1], [1.0]) == pytest.approx(0, abs=1e-14)


def test_calibration_error_by_hand():
    labels, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.3, 0.9])
    # Two bins of equal mass: {.1, .3, .3} (the tie stays together) and {.9}: (3·|1/3 − .7/3| + 1·|1 − .9|) / 4.
    assert assign(p, np.ones(4), 2, "mass").tolist() == [0, 0, 0, 1]
    assert calibration_error(labels, p, bins=2) == pytest.approx((0.3 + 0.1) / 4)
    # Two bins of equal width: {.1, .3, .3} and {.9} again; with ten: {.1}, {.3, .3}, {.9}.
    assert calibration_error(labels, p, bins=10, binning="width") == pytest.approx((0.1 + 0.4 + 0.1) / 4)
    assert assign(np.array([0.0, 1.0]), np.ones(2), 10, "width").tolist() == [0, 9]
    bins = reliability(labels, p, bins=2)
    assert [b["rows"] for b in bins] == [3, 1]
    assert bins[0]["predicted"] == pytest.approx(0.7 / 3) and bins[0]["observed"] == pytest.approx(1 / 3)


def test_calibration_error_of_a_calibrated_model_is_near_zero():
    rng = np.random.default_rng(0)
    p = rng.beta(1, 20, 200_000)
    labels = rng.random(200_000) < p
    assert calibration_error(labels, p) < 0.003
    assert calibration_error(labels, np.minimum(2 * p, 1)) > 0.03


def test_prior_shift_makes_the_prior_even():
    p = prior_shift(np.array([0.02, 0.5, 0.0, 1.0]), 0.02)
    assert p == pytest.approx([0.5, 0.98, 0, 1])  # the logit of .5 becomes ln(49)
    for prior in (0.0, 1.0):
        with pytest.raises(InputError, match="between 0 and 1"):
            prior_shift(np.array([0.5]), prior)


def test_task_score_needs_the_shift():
    """Spec: without the shift a good model scores about .19, with it .34."""
    rng = np.random.default_rng(1)
    p = 1 / (1 + np.exp(-rng.normal(-4.2, 0.7, 200_000)))
    labels = rng.random(200_000) < p
    raw, shifted = task_score(labels, p), task_score(labels, prior_shift(p, labels.mean()))
    assert raw < 0.22 and 0.3 < shifted < 0.4


@settings(max_examples=60, deadline=None)
@given(weighted_rows())
def test_a_weight_is_a_repetition(rows):
    labels, p, counts = rows
    again = np.repeat(labels, counts), np.repeat(p, counts)
    for metric in ALL:
        assert metric(labels, p, counts) == pytest.approx(metric(*again), abs=1e-12), metric.__name__


@settings(max_examples=60, deadline=None)
@given(weighted_rows())
def test_one_statistic_equals_the_single_metrics(rows):
    labels, p, counts = rows
    statistic = Classification(labels, p, prior=0.2, bins=5)
    weights = np.stack([np.ones_like(counts), counts]).astype(np.uint8)
    values = dict(zip(statistic.names, statistic(weights).T, strict=True))
    for metric in (auc, average_precision, logloss, normalised_entropy):
        name = metric.__name__
        assert values[name] == pytest.approx([metric(labels, p), metric(labels, p, counts)], abs=1e-9), name
    assert values["score"][1] == pytest.approx(task_score(labels, p, counts))
    assert values["score_shifted"][1] == pytest.approx(task_score(labels, prior_shift(p, 0.2), counts))
    assert values["calibration_error"][0] == pytest.approx(calibration_error(labels, p, bins=5))


@settings(max_examples=40, deadline=None)
@given(weighted_rows())
def test_agrees_with_scikit_learn(rows):
    labels, p, counts = rows
    assert auc(labels, p, counts) == pytest.approx(sk.roc_auc_score(labels, p, sample_weight=counts))
    assert average_precision(labels, p, counts) == pytest.approx(
        sk.average_precision_score(labels, p, sample_weight=counts))
    clipped = np.clip(p, 1e-15, 1 - 1e-15)
    assert logloss(labels, p) == pytest.approx(sk.log_loss(labels, clipped))


def test_the_order_of_rows_does_not_matter():
    rng = np.random.default_rng(2)
    p = rng.integers(0, 20, 500) / 20
    labels = rng.random(500) < p
    for metric in ALL:
        assert metric(labels, p) == pytest.approx(metric(labels[::-1], p[::-1]), abs=1e-12)


@pytest.mark.parametrize("metric", ALL)
@pytest.mark.parametrize(("labels", "p", "message"), [
    ([0, 1], [0.1, math.nan], "1 of 2 scores are NaN"),
    ([0, 1], [0.1, math.inf], "NaN or infinite"),
    ([0, 2], [0.1, 0.2], "labels must be 0 or 1"),
    ([0, math.nan], [0.1, 0.2], "labels must be 0 or 1"),
    ([0, 1, 1], [0.1, 0.2], "of one length"),
    ([], [], "no rows"),
])
def test_refuses_bad_rows(metric, labels, p, message):
    with pytest.raises(InputError, match=message):
        metric(labels, p)


@pytest.mark.parametrize("metric", RANKED)
def test_refuses_one_class(metric):
    for label in (0, 1):
        with pytest.raises(InputError, match="one class"):
            metric([label] * 3, [0.1, 0.2, 0.3])
    with pytest.raises(InputError, match="one class"):
        metric([0, 1], [0.1, 0.2], [1, 0])


def test_refuses_what_is_no_probability():
    with pytest.raises(InputError, match=r"must lie in \[0, 1\]"):
        logloss([0, 1], [0.5, 1.5])
    assert auc([0, 1], [-3.0, 7.5]) == 1  # ranks need no probability
    with pytest.raises(InputError, match="weights"):
        auc([0, 1], [0.1, 0.2], [1, -1])


def test_curves_end_where_they_must_and_keep_their_area():
    rng = np.random.default_rng(3)
    scores = rng.normal(size=5000)
    labels = rng.random(5000) < 1 / (1 + np.exp(2 - scores))
    x, y = roc(labels, scores)
    assert len(x) <= 200 and (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    assert np.trapezoid(y, x) == pytest.approx(auc(labels, scores), abs=2e-3)
    recall, precision = precision_recall(labels, scores)
    assert len(recall) <= 200 and recall[-1] == 1 and precision[-1] == pytest.approx(labels.mean())
    few = roc([0, 1, 1, 0], [0.1, 0.9, 0.9, 0.4])
    assert np.array_equal(few, ([0, 0, 0.5, 1], [0, 1, 1, 1]))
