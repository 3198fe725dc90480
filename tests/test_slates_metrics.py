"""Metrics of ranked slates, by numbers worked out by hand and by scikit-learn."""

import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, ndcg_score

from rankpipe.errors import InputError
from rankpipe.metrics.slates import best_first, ndcg, of_constraints, of_grades

# Two queries. In the order of the scores, the first has grades 1, 3, 0 and the second 0, 2.
OFFSETS = np.array([0, 3, 5])
SCORES = np.array([0.2, 0.9, 0.5, -1.0, 4.0])
CODES = np.array([7, 1, 4, 0, 9])
GRADES = np.array([0, 1, 3, 2, 0])


def ranked() -> np.ndarray:
    return GRADES[best_first(OFFSETS, SCORES, CODES)]


def test_rows_stand_by_falling_score_within_their_slate() -> None:
    assert best_first(OFFSETS, SCORES, CODES).tolist() == [1, 2, 0, 4, 3]


def test_equal_scores_stand_by_rising_code() -> None:
    assert best_first(np.array([0, 4]), np.array([1.0, 2.0, 1.0, 1.0]), np.array([8, 9, 2, 5])).tolist() == [1, 2, 3, 0]


def test_metrics_worked_out_by_hand() -> None:
    found = of_grades(OFFSETS, ranked(), relevant=2)
    # Query 1: gains 1, 7, 0 against 7, 1, 0. Query 2: gains 0, 3 against 3, 0.
    three = 1 / math.log2(3)
    assert found["ndcg_at_1"] == pytest.approx([1 / 7, 0])
    assert found["ndcg_at_3"] == pytest.approx([(1 + 7 * three) / (7 + three), three])
    assert found["ndcg_at_10"] == pytest.approx(found["ndcg_at_3"])
    assert found["mrr"] == pytest.approx([1 / 2, 1 / 2])
    assert found["map"] == pytest.approx([1 / 2, 1 / 2])
    # From grade 1 on, query 1 has relevant rows in places 1 and 2.
    found = of_grades(OFFSETS, ranked(), relevant=1)
    assert found["mrr"] == pytest.approx([1, 1 / 2])
    assert found["map"] == pytest.approx([1, 1 / 2])


def test_the_best_order_has_all_and_a_slate_without_gain_has_nothing() -> None:
    offsets, grades = np.array([0, 3, 5, 6]), np.array([3, 1, 0, 0, 0, 2])
    found = of_grades(offsets, grades, relevant=1)
    for name in ("ndcg_at_1", "ndcg_at_10", "mrr", "map"):
        assert found[name].tolist() == [1, 0, 1]


def test_agrees_with_scikit_learn_on_ragged_slates() -> None:
    rng = np.random.default_rng(3)
    lengths = rng.integers(2, 40, 30)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    grades = rng.integers(0, 4, offsets[-1])
    scores = rng.random(offsets[-1])
    order = best_first(offsets, scores, np.arange(len(scores)))
    found = of_grades(offsets, grades[order], relevant=2)
    for q in range(len(lengths)):
        rows = slice(offsets[q], offsets[q + 1])
        for k in (1, 3, 5, 10):
            gains = 2.0 ** grades[None, rows] - 1
            assert found[f"ndcg_at_{k}"][q] == pytest.approx(ndcg_score(gains, scores[None, rows], k=k))
        if (grades[rows] >= 2).any():
            assert found["map"][q] == pytest.approx(average_precision_score(grades[rows] >= 2, scores[rows]))
    assert ndcg(offsets, scores, np.arange(len(scores)), grades) == pytest.approx(found["ndcg_at_10"].mean())


def test_compliance_and_conflicts_by_hand() -> None:
    # The first query's first row violates a constraint, and one of its other two; the second's rows both meet all.
    found = of_constraints(OFFSETS, np.array([False, True, False, True, True]), k=2)
    assert found["compliance_at_1"].tolist() == [0, 1]
    assert found["conflicts_at_2"].tolist() == [1 / 2, 0]
    # A slate shorter than k is divided by its own length.
    assert of_constraints(OFFSETS, np.array([False, True, False, True, False]))["conflicts_at_10"] == pytest.approx(
        [2 / 3, 1 / 2])


def test_faults_are_named() -> None:
    with pytest.raises(InputError, match="1 of 5 scores are NaN"):
        best_first(OFFSETS, np.array([0, 1, math.nan, 2, 3]), CODES)
    with pytest.raises(InputError, match="don't fit slates of 5 rows"):
        of_grades(OFFSETS, GRADES[:4], relevant=1)
    with pytest.raises(InputError, match="start at 0 and never fall"):
        of_grades(np.array([0, 3, 2]), GRADES[:2], relevant=1)
    with pytest.raises(InputError, match="at least 0"):
        of_grades(OFFSETS, GRADES - 1, relevant=1)
