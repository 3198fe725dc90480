"""Rows of one side given the other, by weighted least squares: half an iteration of ALS, and what folds in users."""

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix

ROWS = 256
"""Taken items summed at once by one matrix product."""


def solve(taken: csr_matrix, others: np.ndarray, unobserved: float, regularization: float,
          exponent: float) -> np.ndarray:
    """(B, n) rows over ``others`` (n, d) float32 → (B, d) float32: (Σ_t q qᵀ + α QᵀQ + λ (n_t + α n)^ν I)⁻¹ Σ_t q."""
    gram = np.float32(unobserved) * (others.T @ others)
    counts = np.diff(taken.indptr)
    penalty = regularization * (counts + unobserved * len(others)) ** exponent
    return _solve(taken.indptr, taken.indices, np.ascontiguousarray(others), gram,
                  np.maximum(penalty, 1e-6).astype(np.float32))


@njit(cache=True, nogil=True)
def _solve(indptr, indices, others, gram, penalty):
    d = others.shape[1]
    found = np.zeros((len(indptr) - 1, d), np.float32)
    some = np.empty((ROWS, d), np.float32)
    for u in range(len(found)):
        if indptr[u] == indptr[u + 1]:
            continue
        system, right = gram.copy(), np.zeros(d, np.float32)
        for start in range(indptr[u], indptr[u + 1], ROWS):
            n = min(ROWS, indptr[u + 1] - start)
            for t in range(n):
                some[t] = others[indices[start + t]]
                right += some[t]
            system += np.dot(some[:n].T, some[:n])
        for k in range(d):
            system[k, k] += penalty[u]
        found[u] = np.linalg.solve(system, right)
    return found
