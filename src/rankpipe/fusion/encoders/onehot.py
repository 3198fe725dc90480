"""Attributes as one column for each value that train's candidates have; a gap, or a value never seen there, is none."""

from dataclasses import dataclass
from typing import Self

import numpy as np


@dataclass(frozen=True)
class OneHot:
    """Fitted on codes of A attributes."""

    starts: np.ndarray
    """(A + 1,) int64 where the values of each attribute begin, all values end to end."""
    columns: np.ndarray
    """(T,) int64 column of each value, −1 = none."""

    @classmethod
    def fit(cls, codes: np.ndarray, sizes: list[int], most: int) -> Self:
        """
        Args:
            codes: (n, A) of train's candidates, −1 = a gap.
            sizes: values of each attribute.
            most: columns of an attribute: those of the values that most candidates have.
        """
        starts = np.cumsum([0, *sizes]).astype(np.int64)
        kept = np.zeros(starts[-1], bool)
        for a, size in enumerate(sizes):
            counts = np.bincount(codes[codes[:, a] >= 0, a], minlength=size)
            first = np.argsort(-counts, kind="stable")[:most]
            kept[starts[a] + first[counts[first] > 0]] = True
        return cls(starts, np.where(kept, np.cumsum(kept) - 1, -1).astype(np.int64))

    @property
    def width(self) -> int:
        """At least 1: a matrix without columns is a matrix that nothing can be made of."""
        return max(1, int(self.columns.max(initial=-1)) + 1)

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """(n, A) → (n, width) float32 of zeros and ones."""
        found = np.zeros((len(codes), self.width), np.float32)
        row, attribute = (codes >= 0).nonzero()
        column = self.columns[self.starts[attribute] + codes[row, attribute]]
        found[row[column >= 0], column[column >= 0]] = 1
        return found
