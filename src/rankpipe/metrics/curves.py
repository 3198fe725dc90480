"""ROC and precision–recall curves, thinned to a number of points that a page or a diff can carry."""

import numpy as np

from rankpipe.metrics.rows import checked

POINTS = 200


def roc(labels: np.ndarray, scores: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates from (0, 0) to (1, 1), at most ``points`` vertices spread evenly along the curve.

    Raises:
        InputError: one class only, NaN, unequal lengths.
    """
    hits, misses = _running(labels, scores)
    x = np.concatenate([[0.0], misses / misses[-1]])
    y = np.concatenate([[0.0], hits / hits[-1]])
    kept = _spread(x + y, points)
    return x[kept], y[kept]


def precision_recall(labels: np.ndarray, scores: np.ndarray, points: int = POINTS) -> tuple[np.ndarray, np.ndarray]:
    """Recall and precision from the highest score on, at most ``points`` vertices spread evenly along recall.

    Raises:
        InputError: one class only, NaN, unequal lengths.
    """
    hits, misses = _running(labels, scores)
    first = int(np.argmax(hits > 0))  # up to there recall is 0
    recall, precision = (hits / hits[-1])[first:], (hits / (hits + misses))[first:]
    kept = _spread(recall, points)
    return recall[kept], precision[kept]


def _running(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Positives and negatives at or above each distinct score, highest first."""
    positive, scores, _ = checked(labels, scores)
    order = np.argsort(-scores, kind="stable")
    ranked = scores[order]
    last = np.flatnonzero(np.concatenate([ranked[1:] != ranked[:-1], [True]]))
    hits = np.cumsum(positive[order], dtype=np.float64)[last]
    return hits, last + 1 - hits


def _spread(along: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most ``points`` vertices, first and last among them, evenly spread over the rising ``along``."""
    if len(along) <= points:
        return np.arange(len(along))
    wanted = np.linspace(along[0], along[-1], points)
    return np.unique(np.concatenate([[0], np.searchsorted(along, wanted[1:-1]), [len(along) - 1]]))
