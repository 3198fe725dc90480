"""RMSE, MAE and R² of predicted numbers, as one statistic of the rows' weights."""

import numpy as np

from rankpipe.errors import InputError

HIGHER = {"rmse": False, "mae": False, "r2": True}
"""Metric → whether more is better."""


class Regression:
    """Callable: (R, N) weights → (R, 3) values in the order of :attr:`names`; those of rows repeated by their weight.

    RMSE is the root of the mean over rows, never a mean over batches. R² = 1 − Σ(y − ŷ)² / Σ(y − ȳ)², ȳ the mean of the
    very rows that are judged; NaN where these are all alike.

    Args:
        truth, predicted: (N,) finite numbers.

    Raises:
        InputError: unequal lengths, no rows, NaN or infinity.
    """

    names = tuple(HIGHER)

    def __init__(self, truth: np.ndarray, predicted: np.ndarray):
        truth, predicted = np.asarray(truth, np.float64), np.asarray(predicted, np.float64)
        if truth.ndim != 1 or truth.shape != predicted.shape or not len(truth):
            raise InputError(f"{truth.shape} true values for {predicted.shape} predicted; both must be (N,), N > 0")
        bad = ~(np.isfinite(truth) & np.isfinite(predicted))
        if bad.any():
            raise InputError(f"{int(bad.sum())} of {len(bad)} values are NaN or infinite, first in row {bad.argmax()}")
        error = truth - predicted
        # Taken from their mean: the variance as a difference of large squares would lose digits.
        self.centred = truth - truth.mean()
        self.parts = (np.square(error), np.abs(error), self.centred, np.square(self.centred))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1, dtype=np.float64)
        # einsum, not BLAS: its sums don't depend on the number of threads.
        squared, absolute, mean, square = (np.einsum("rn,n->r", weights, part) / total for part in self.parts)
        variance = square - np.square(mean)
        varied = variance > 1e-12 * np.maximum(square, 1e-300)
        r2 = np.where(varied, 1 - squared / np.where(varied, variance, 1), np.nan)
        return np.stack([np.sqrt(squared), absolute, r2], axis=1)

    def estimate(self) -> dict[str, float]:
        """Metric → value on the rows as they are."""
        values = self(np.ones((1, len(self.centred)), dtype=np.uint8))[0]
        return {name: float(v) for name, v in zip(self.names, values, strict=True)}


def rmse(truth: np.ndarray, predicted: np.ndarray) -> float:
    """Of (N,) and (N,)."""
    return Regression(truth, predicted).estimate()["rmse"]
