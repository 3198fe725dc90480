"""What every metric of binary labels asks of its rows."""

import numpy as np

from rankpipe.errors import InputError


def checked(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray | None = None, *, probabilities: bool = False,
            both: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels as (N,) bool, scores as (N,) float64, weights as (N,) float64 (ones where none are given).

    Args:
        probabilities: scores must lie in [0, 1].
        both: both classes must have weight, since the metric divides by each.

    Raises:
        InputError: lengths differ, no rows, NaN or infinite values, labels other than 0 and 1, one class only.
    """
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 1 or labels.shape != scores.shape:
        raise InputError(f"labels {labels.shape} and scores {scores.shape} must be two lists of one length")
    if not len(labels):
        raise InputError("no rows to judge")
    positive = labels == 1
    if not np.all(positive | (labels == 0)):
        raise InputError("labels must be 0 or 1")
    if not np.isfinite(scores).all():
        raise InputError(f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are NaN or infinite")
    if probabilities and (scores.min() < 0 or scores.max() > 1):
        raise InputError(f"probabilities must lie in [0, 1], got {scores.min():g} to {scores.max():g}")
    weights = np.ones(len(labels)) if weights is None else np.asarray(weights, dtype=np.float64)
    if weights.shape != labels.shape or not np.isfinite(weights).all() or weights.min() < 0:
        raise InputError("weights must be one number ≥ 0 for each row")
    if both and not (weights[positive].sum() > 0 and weights[~positive].sum() > 0):
        raise InputError("all labels are of one class: ranking metrics are undefined; use a split that holds both")
    return positive, scores, weights
