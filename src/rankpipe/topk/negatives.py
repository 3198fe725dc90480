"""Negatives drawn for one batch: uniform or by popularity, never an item that the user took.

Nothing is drawn twice: the d-th unit of the weight that a user's own items leave over is found by bisection in the
user's sorted row, so that one number drawn is one negative, whatever share of the catalogue the user took.
"""

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix

_UNITS = 1 << 20
"""Weight of the least popular item where popularity counts: weights are whole numbers, so that no rounding can let an
own item through."""


class Negatives:
    """Draws for the rows of ``taken``.

    Args:
        taken: (U, I), columns sorted within a row: what is never drawn.
        popularity: β ≥ 0 of weights n_i^β, n_i how many users took item i, at least 1; 0 is uniform.
    """

    def __init__(self, taken: csr_matrix, popularity: float = 0.0):
        counts = np.maximum(np.bincount(taken.indices, minlength=taken.shape[1]), 1).astype(np.float64)
        # At most 2⁵² in all, where float64 still knows every whole number.
        relative = counts**popularity
        units = 1 if popularity == 0 else min(_UNITS, 2.0**52 / relative.sum())
        weights = np.maximum(np.rint(relative * units), 1).astype(np.int64)
        self.cumulative = np.concatenate([[0], np.cumsum(weights)])  # (I + 1,) weight below each item
        self.own = np.concatenate([[0], np.cumsum(weights[taken.indices])])  # (n + 1,) the same along the rows
        self.indptr, self.indices = taken.indptr.astype(np.int64), taken.indices
        self.uniform = popularity == 0

    def draw(self, users: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
        """(T,) users → (T, count) int64 items, repeats allowed. A user who took all items gets −1."""
        chances = generator.random((len(users), count))
        return _draw(users.astype(np.int64), chances, self.indptr, self.indices, self.cumulative, self.own,
                     self.uniform)


@njit(cache=True, nogil=True)
def _draw(users, chances, indptr, indices, cumulative, own, uniform):
    items = np.empty(chances.shape, np.int64)
    for t in range(len(users)):
        start, stop = indptr[users[t]], indptr[users[t] + 1]
        left = cumulative[-1] - (own[stop] - own[start])
        for n in range(chances.shape[1]):
            if left == 0:
                items[t, n] = -1
                continue
            unit = min(np.int64(chances[t, n] * left), left - 1)
            low, high = start, stop  # own items below the drawn one: those with at most ``unit`` foreign weight below
            while low < high:
                middle = (low + high) // 2
                if cumulative[indices[middle]] - (own[middle] - own[start]) <= unit:
                    low = middle + 1
                else:
                    high = middle
            place = unit + own[low] - own[start]
            items[t, n] = place if uniform else np.searchsorted(cumulative, place, side="right") - 1
    return items
