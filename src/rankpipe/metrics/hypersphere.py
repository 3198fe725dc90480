"""How vectors of length 1 lie on their sphere (Wang and Isola, ICML 2020): both figures are the lower the better."""

import numpy as np

BLOCK = 512
"""Rows whose distances to all others are in memory at once."""


def alignment(first: np.ndarray, second: np.ndarray) -> float | None:
    """Mean squared distance of n pairs that mean the same, each (n, dim); None of no pairs."""
    if not len(first):
        return None
    difference = first.astype(np.float64) - second
    return float(np.einsum("nd,nd->n", difference, difference).mean())


def uniformity(vectors: np.ndarray) -> float | None:
    """log of the mean of exp(−2·squared distance) over all pairs of the n different rows of ``vectors`` (n, dim); None
    of fewer than two rows.
    """
    vectors = np.unique(vectors.astype(np.float64), axis=0)
    n = len(vectors)
    if n < 2:
        return None
    total = 0.0
    for start in range(0, n, BLOCK):
        block = vectors[start:start + BLOCK]
        # einsum, not BLAS: its sums don't depend on the number of threads.
        cosine = np.einsum("bd,nd->bn", block, vectors)
        total += float(np.exp(4 * cosine - 4).sum())
    return float(np.log((total - n) / (n * (n - 1))))
