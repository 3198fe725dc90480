"""How often two items were taken by the same user: XᵀX of the 0/1 matrix X (U, I), without a dense X."""

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix


def gram(taken: csr_matrix) -> np.ndarray:
    """(I, I) float32, symmetric, each item's own count on the diagonal; exact below 2²⁴ users.

    Only I² numbers are held: a sparse product of the same takes several times that while it is made.
    """
    counts = np.zeros((taken.shape[1], taken.shape[1]), np.float32)
    _count(taken.indptr, taken.indices, counts)
    return counts


@njit(cache=True, nogil=True)
def _count(indptr, indices, counts):
    for u in range(len(indptr) - 1):
        for a in range(indptr[u], indptr[u + 1]):
            row = counts[indices[a]]
            for b in range(a, indptr[u + 1]):  # columns rise within a row: the upper half
                row[indices[b]] += 1
    for i in range(len(counts)):
        for j in range(i):
            counts[i, j] = counts[j, i]
