"""Vectors of users who weren't there in training, from the items that they took: nothing is trained again.

For ALS the answer is exact: :meth:`rankpipe.topk.models.als.ALS.fold_in`. Any other inner product is met halfway: a
ridge regression of the user's items on the item vectors, as in ALS, then the linear map that best takes the training
users' regressions to the vectors that training gave them. Both are closed forms.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.topk.leastsquares import solve

UNOBSERVED, PENALTY = 0.1, 0.01
"""Weights of the regression, relative to the items' mean square and a user's number of items."""
USERS = 20_000
"""Training users at most that the map is fitted on, evenly spread over all."""


@dataclass(frozen=True)
class Folding:
    """The map from regressions to user vectors."""

    weights: np.ndarray
    """(d + 1, e) float32; the last row is the constant."""

    def __call__(self, histories: csr_matrix, items: np.ndarray) -> np.ndarray:
        """(B, I) histories and (I, e) item vectors → (B, e) float32 user vectors."""
        return regressions(histories, items) @ self.weights


def fitted(taken: csr_matrix, users: np.ndarray, items: np.ndarray) -> Folding:
    """Least squares from the regressions of the users who took something to their vectors (U, e) float32."""
    known = np.flatnonzero(np.diff(taken.indptr))
    known = known[::-(-len(known) // USERS)] if len(known) else known
    found = regressions(taken[known], items).astype(np.float64)
    gram = found.T @ found
    # Fewer users than numbers, or a column that is the same for all: the least ridge that keeps it solvable.
    gram.flat[::len(gram) + 1] += 1e-6 * max(np.trace(gram) / len(gram), 1e-12)
    return Folding(np.linalg.solve(gram, found.T @ users[known].astype(np.float64)).astype(np.float32))


def regressions(histories: csr_matrix, items: np.ndarray) -> np.ndarray:
    """(B, I) → (B, e + 1) float32, the last column 1; zeros before it for a user without items."""
    scale = np.float32(np.sqrt(max(np.square(items, dtype=np.float64).mean(), 1e-12)))
    found = solve(histories, items / scale, UNOBSERVED, PENALTY, 1.0)
    return np.concatenate([found, np.ones((len(found), 1), np.float32)], axis=1)
