"""Area under the ROC curve and average precision, sorted once and then weighted as often as wanted."""

import numpy as np

from rankpipe.metrics.rows import checked


def auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Probability that a positive row scores above a negative one; a tie counts half.

    Args:
        labels: (N,) 0 or 1. scores: (N,) any order-preserving number. weights: (N,) ≥ 0.

    Raises:
        InputError: one class only, NaN, unequal lengths.
    """
    positive, scores, weights = checked(labels, scores, weights)
    return float(Ranking(positive, scores).of(weights[None])[0, 0])


def average_precision(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Σ over distinct scores of (gain in recall) × (precision at that score), as scikit-learn defines it.

    Rows of equal score enter together, so the result doesn't depend on their order. Arguments and errors as
    :func:`auc`.
    """
    positive, scores, weights = checked(labels, scores, weights)
    return float(Ranking(positive, scores).of(weights[None])[0, 1])


class Ranking:
    """The rows in order of score, prepared so that each further weighting costs one gather and one running sum.

    Only the places where positives stand matter to either metric: with a click rate of 2 % nearly all work is the
    running sum.
    """

    def __init__(self, positive: np.ndarray, scores: np.ndarray):
        """positive: (N,) bool; scores: (N,) finite."""
        self.order = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        self.places = np.flatnonzero(positive[self.order])
        tie = np.searchsorted(starts, self.places, side="right") - 1
        tie, self.first = np.unique(tie, return_index=True)
        self.start = starts[tie]
        self.end = np.append(starts, len(scores))[tie + 1]

    def of(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) weights → (R, 2): AUC and average precision; NaN where a class has no weight."""
        return self.areas(np.take(weights, self.order, axis=1))

    def areas(self, ranked: np.ndarray) -> np.ndarray:
        """As :meth:`of`, from weights that stand in :attr:`order` already."""
        below = np.zeros((len(ranked), ranked.shape[1] + 1))
        np.cumsum(ranked, axis=1, out=below[:, 1:])
        total = below[:, -1:]
        hits = np.take(ranked, self.places, axis=1).astype(np.float64)
        if len(self.first) < len(self.places):
            hits = np.add.reduceat(hits, self.first, axis=1)
        start, end = np.take(below, self.start, axis=1), np.take(below, self.end, axis=1)
        hits_to = np.cumsum(hits, axis=1)
        positives = hits_to[:, -1:]
        hits_below = hits_to - hits
        # Negatives under each positive, those of equal score by half.
        won = (start - hits_below) + (end - start - hits) / 2
        precision = (positives - hits_below) / np.maximum(total - start, 1e-300)
        with np.errstate(invalid="ignore", divide="ignore"):
            area = (hits * won).sum(axis=1) / (positives * (total - positives))[:, 0]
            mean_precision = (hits * precision).sum(axis=1) / positives[:, 0]
        mean_precision[total[:, 0] == positives[:, 0]] = np.nan
        return np.stack([area, mean_precision], axis=1)
