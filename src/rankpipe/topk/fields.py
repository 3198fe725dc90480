"""Side fields of users and items: multi-hot, of any width, ragged."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Field:
    """What each row (a user or an item) holds of ``size`` distinct values.

    A field of one value a row is the special case; a row without values is one that nothing is known of.
    """

    name: str
    size: int
    """Number of distinct values, ≥ 1."""
    offsets: np.ndarray
    """(rows + 1,) int64: row r holds ``values[offsets[r]:offsets[r + 1]]``."""
    values: np.ndarray
    """(m,) int32 in [0, size), rising and distinct within a row."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(rows,) int64."""
        return np.diff(self.offsets)

    def matrix(self, mean: bool = True) -> csr_matrix:
        """(rows, size) float32: each active value weighs one over the row's number of them, or 1 where not ``mean``."""
        weights = np.repeat(1 / np.maximum(self.lengths, 1), self.lengths) if mean else np.ones(len(self.values))
        return csr_matrix((weights.astype(np.float32), self.values, self.offsets), shape=(len(self), self.size))


def field(name: str, size: int, rows: np.ndarray, values: np.ndarray, n_rows: int) -> Field:
    """Pairs of row and value in any order, doubles merged.

    Args:
        rows: (m,) int in [0, n_rows).
        values: (m,) int in [0, size).
    """
    pairs = np.unique(rows.astype(np.int64) * max(size, 1) + values)
    lengths = np.bincount(pairs // max(size, 1), minlength=n_rows)
    return Field(name, size, np.concatenate([[0], np.cumsum(lengths)]), (pairs % max(size, 1)).astype(np.int32))
