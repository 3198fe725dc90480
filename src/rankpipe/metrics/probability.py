"""Losses of predicted probabilities, and the correction of their prior."""

import numpy as np

from rankpipe.errors import InputError
from rankpipe.metrics.ranking import average_precision
from rankpipe.metrics.rows import checked

CLIP = 1e-15


def logloss(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Mean of −ln(probability given to what happened), in nats; probabilities are clipped to [1e-15, 1 − 1e-15].

    Raises:
        InputError: NaN, outside [0, 1], unequal lengths.
    """
    positive, p, weights = checked(labels, probabilities, weights, probabilities=True, both=False)
    return float(np.average(losses(positive, p), weights=weights))


def normalised_entropy(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """Log loss over that of the rows' own click rate: below 1 the model knows more than the average (He et al. 2014).

    Raises:
        InputError: as :func:`logloss`; one class only.
    """
    positive, p, weights = checked(labels, probabilities, weights, probabilities=True)
    rate = np.average(positive, weights=weights)
    return float(np.average(losses(positive, p), weights=weights) / entropy(rate))


def task_score(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None) -> float:
    """The Toss task's score, 0.5·AP + 0.5/(1 + WLL), where WLL is the mean of the two classes' mean log losses.

    WLL is least for probabilities of a 50:50 prior: see :func:`prior_shift`.
    """
    positive, p, weights = checked(labels, probabilities, weights, probabilities=True)
    loss = losses(positive, p)
    halves = [np.average(loss[rows], weights=weights[rows]) for rows in (positive, ~positive)]
    return float(0.5 * average_precision(positive, p, weights) + 0.5 / (1 + sum(halves) / 2))


def losses(positive: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """(N,) log loss of each row in nats."""
    p = np.clip(probabilities, CLIP, 1 - CLIP)
    return -np.log(np.where(positive, p, 1 - p))


def entropy(rate: np.ndarray | float) -> np.ndarray | float:
    """Log loss of predicting ``rate`` for rows that have that rate; NaN at 0 and 1, where nothing is left to
    predict.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        return -(rate * np.log(rate) + (1 - rate) * np.log1p(-rate))


def prior_shift(probabilities: np.ndarray, prior: float) -> np.ndarray:
    """Adds ln((1 − π)/π) to every logit: what a model calibrated at click rate π would say if half of all rows were
    clicked.

    Order is kept, so AUC and average precision don't change.

    Raises:
        InputError: ``prior`` is not strictly between 0 and 1.
    """
    if not 0 < prior < 1:
        raise InputError(f"a prior of {prior:g} cannot be shifted; it must lie strictly between 0 and 1")
    p = np.asarray(probabilities, dtype=np.float64)
    return p * (1 - prior) / (p * (1 - prior) + (1 - p) * prior)
