"""Metrics of graded pairs against numbers worked out by hand, and against scipy on rows repeated by their weight."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import roc_auc_score

from rankpipe.errors import InputError
from rankpipe.metrics.bootstrap import Resamples, resample
from rankpipe.metrics.similarity import HIGHER, Cuts, Ranks, Runs, Similarity

TRUTH = np.array([0.0, 0.2, 0.6, 1.0])
COSINE = np.array([0.1, 0.5, 0.3, 0.9])


def test_four_pairs_by_hand() -> None:
    found = Similarity(TRUTH, COSINE).estimate()
    # Ranks 1 2 3 4 against 1 3 2 4: 1 − 6 · (1 + 1) / (4 · 15).
    assert found["spearman"] == pytest.approx(0.8)
    # Deviations −.45 −.25 .15 .55 and −.35 .05 −.15 .45: .37 / √(.59 · .35).
    assert found["pearson"] == pytest.approx(0.37 / np.sqrt(0.59 * 0.35))
    # Alike: .3 and .9, others .1 and .5: three of four couples are in order.
    assert found["auc"] == pytest.approx(0.75)
    assert found["similar"] == pytest.approx(0.9) and found["different"] == pytest.approx(0.3)
    assert found["gap"] == pytest.approx(0.6) and tuple(found) == tuple(HIGHER)


def test_ranks_count_a_row_as_often_as_its_weight_says() -> None:
    # 5 stands once, 7 twice, 7 three times, 9 never: places 1; 2–6 together; (7).
    assert Ranks(np.array([7.0, 5.0, 9.0, 7.0]))(np.array([[2, 1, 0, 3]]))[0, [0, 1, 3]].tolist() == [4.0, 1.0, 4.0]


@pytest.mark.parametrize("digits", [1, 12])
def test_weights_are_repetitions(digits: int) -> None:
    """One digit makes many equal values on both sides."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 11, 200) / 10
    cosine = np.round(truth + rng.normal(size=200), digits)
    resamples = Resamples(200, 20, 5)
    values = resample([Similarity(truth, cosine)], resamples)[:, 0]
    for b in range(20):
        rows = np.repeat(np.arange(200), resamples.weights(b))
        t, c = truth[rows], cosine[rows]
        similar, different = c[t >= 0.8].mean(), c[t <= 0.2].mean()
        expected = [spearmanr(t, c)[0], pearsonr(t, c)[0], roc_auc_score(t >= 0.6, c), similar, different,
                    similar - different]
        assert values[b] == pytest.approx(expected, abs=1e-12)


def test_a_rising_map_of_the_cosine_changes_no_rank() -> None:
    rng = np.random.default_rng(0)
    truth, cosine = rng.random(50), rng.random(50)
    straight, bent = Similarity(truth, cosine).estimate(), Similarity(truth, cosine ** 3).estimate()
    assert bent["spearman"] == pytest.approx(straight["spearman"]) and bent["auc"] == pytest.approx(straight["auc"])
    assert bent["gap"] != pytest.approx(straight["gap"])


def test_a_grade_in_float32_reaches_its_cut() -> None:
    """float32(0.6) is above 0.6, float32(0.8) and 4/5 in other ways may lie below."""
    truth = np.array([0.19999, 0.2, 0.6, 0.8], np.float32)
    found = Similarity(truth, np.array([0.0, 0.0, 0.5, 1.0])).estimate()
    assert (found["auc"], found["similar"], found["different"]) == (1.0, 1.0, 0.0)
    just_below = np.nextafter(np.float32(0.6), np.float32(0), dtype=np.float32)
    assert Similarity(np.array([0.0, just_below]), np.array([0.0, 1.0])).estimate()["auc"] == 1.0


def test_what_is_undefined_is_nan_and_nothing_else() -> None:
    found = Similarity(np.array([0.4, 0.5]), np.array([0.1, 0.2])).estimate()
    assert found["spearman"] == pytest.approx(1.0)
    assert all(np.isnan(found[name]) for name in ("auc", "similar", "different", "gap"))
    assert np.isnan(Similarity(np.array([0.4, 0.5]), np.array([0.3, 0.3])).estimate()["spearman"])


def test_runs_are_the_mean_of_their_metrics_and_not_the_metric_of_their_mean() -> None:
    other = np.array([0.9, 0.1, 0.5, 0.3])
    runs = Runs(TRUTH, [COSINE, other])
    each = [Similarity(TRUTH, cosine).estimate()["spearman"] for cosine in (COSINE, other)]
    assert runs.estimate()["spearman"] == pytest.approx(np.mean(each))
    assert runs.sd()["spearman"] == pytest.approx(np.std(each, ddof=1))
    weights = Resamples(4, 3, 0).weights(1)[None]
    assert runs(weights)[0] == pytest.approx(np.mean([run(weights)[0] for run in runs.runs], 0), nan_ok=True)
    assert np.isnan(Runs(TRUTH, [COSINE]).sd()["spearman"])


@pytest.mark.parametrize(("truth", "cosine", "words"), [
    ([0.1, 0.2], [0.1], "both must be"), ([], [], "N > 0"), ([0.1, np.nan], [0.1, 0.2], "first in row 1"),
    ([0.1, 0.2], [np.inf, 0.2], "first in row 0")])
def test_what_cannot_be_judged_is_refused(truth: list[float], cosine: list[float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Similarity(np.array(truth), np.array(cosine))


def test_cuts_stand_in_order() -> None:
    with pytest.raises(ValueError, match="different < similar"):
        Cuts(similar=0.2, different=0.8)
