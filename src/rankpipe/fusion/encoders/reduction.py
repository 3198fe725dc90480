"""Principal components (Pearson, 1901) of blocks of numbers, each block with the same say, however wide."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class Reduction:
    """Fitted on rows of r numbers; gives d of length 1."""

    mean: np.ndarray
    """(r,) float64"""
    scale: np.ndarray
    """(r,) float64 by which a number is multiplied; 0 where the fit saw one value only."""
    axes: np.ndarray
    """(r, d) float64"""

    @classmethod
    def fit(cls, raw: np.ndarray, widths: Sequence[int], dims: int, whitening: float) -> Self:
        """
        Args:
            raw: (n, r) rows.
            widths: columns of each block, r in all.
            whitening: 0 leaves the components their spread, 1 makes all of them equal.
        """
        if len(raw) == 0:
            return cls(np.zeros(raw.shape[1]), np.zeros(raw.shape[1]), np.zeros((raw.shape[1], 1)))
        raw = raw.astype(np.float64)
        mean, spread = raw.mean(0), raw.std(0)
        scale = np.where(spread > 1e-9, 1 / np.maximum(spread, 1e-9), 0) / np.repeat(np.sqrt(widths), widths)
        _, values, axes = np.linalg.svd((raw - mean) * scale, full_matrices=False)
        found = max(1, min(dims, int((values > 1e-9 * max(values[0], 1e-300)).sum())))
        spreads = np.maximum(values[:found] / np.sqrt(len(raw)), 1e-12)
        return cls(mean, scale, fixed_signs(axes[:found].T) / spreads**whitening)

    def __call__(self, raw: np.ndarray) -> np.ndarray:
        """(n, r) → (n, d) float32 of length 1, or 0."""
        return unit(((raw - self.mean) * self.scale) @ self.axes).astype(np.float32)


def fixed_signs(axes: np.ndarray) -> np.ndarray:
    """(r, d) with the largest entry of each column positive: a decomposition leaves the sign open."""
    found = axes[np.abs(axes).argmax(0), np.arange(axes.shape[1])]
    return axes * np.where(found < 0, -1.0, 1.0)


def unit(x: np.ndarray) -> np.ndarray:
    """Rows of length 1; a row of zeros stays."""
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    return x / np.where(norms > 1e-12, norms, 1.0)
