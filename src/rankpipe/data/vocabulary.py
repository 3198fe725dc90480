"""Vocabularies: which values of a column a model knows, and the index of each.

Index 0 pads and stands for a missing value, 1…V are the known values by descending count and then by value, V + 1 is
out-of-vocabulary. Whole numbers are ordered as numbers, words by code point, so ties depend on nothing but the data.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankpipe.errors import InputError

PADDING = 0
DENSE = 1 << 22
"""Integers below this are counted and looked up in plain arrays, larger ones by sorting."""
LARGEST = 2**31 - 1


class Counts:
    """How often each non-negative integer came by; memory grows with the distinct values, not with the rows."""

    def __init__(self) -> None:
        self.values = np.zeros(0, np.int64)
        """(K,) sorted."""
        self.counts = np.zeros(0, np.int64)

    def add(self, codes: np.ndarray) -> None:
        """Counts ``codes`` (n,) of any integer type; negative ones mean missing and are left out."""
        if codes.dtype.kind == "i" and len(codes) and codes.min() < 0:
            codes = codes[codes >= 0]
        if not len(codes):
            return
        if int(codes.max()) < DENSE:
            counts = np.bincount(codes)
            values = np.flatnonzero(counts)
            self.merge(values, counts[values])
        else:
            self.merge(*np.unique(codes, return_counts=True))

    def merge(self, values: np.ndarray, counts: np.ndarray) -> None:
        """Adds ``counts`` (k,) of distinct ``values`` (k,)."""
        if not np.array_equal(values, self.values):
            merged, where = np.unique(np.concatenate([self.values, values.astype(np.int64)]), return_inverse=True)
            total = np.zeros(len(merged), np.int64)
            np.add.at(total, where, np.concatenate([self.counts, counts]))
            self.values, self.counts = merged, total
        else:
            self.counts = self.counts + counts

    def of_words(self, dictionary: Sequence[str]) -> dict[str, int]:
        """Word → count, where the integers are codes into ``dictionary``."""
        return {dictionary[v]: int(c) for v, c in zip(self.values, self.counts, strict=True)}


@dataclass(frozen=True)
class Vocabulary:
    """The values behind 1…V; all ``str`` or all ``int``."""

    values: tuple[Any, ...]
    whole: bool = False
    """True where values are whole numbers."""

    @property
    def size(self) -> int:
        """Rows of an embedding table: padding, V values, out-of-vocabulary."""
        return len(self.values) + 2

    @property
    def unknown(self) -> int:
        return len(self.values) + 1

    @classmethod
    def of_words(cls, counts: dict[str, int], min_count: int = 1) -> "Vocabulary":
        kept = [(-n, word) for word, n in counts.items() if n >= min_count]
        return cls(tuple(word for _, word in sorted(kept)))

    @classmethod
    def of_numbers(cls, counts: Counts, min_count: int = 1) -> "Vocabulary":
        kept = counts.counts >= min_count
        values, n = counts.values[kept], counts.counts[kept]
        return cls(tuple(values[np.lexsort((values, -n))].tolist()), whole=True)

    def table(self, words: Iterable[str]) -> np.ndarray:
        """(len(words),) int64 index of each word; in a vocabulary of whole numbers ``"7"`` stands for 7."""
        known = {value: i for i, value in enumerate(self.values, 1)}
        keys = (as_number(word) for word in words) if self.whole else words
        return np.fromiter((known.get(key, self.unknown) for key in keys), np.int64)


class NumberLookup:
    """Index of whole numbers, vectorised: by a plain table where the values are small, by bisection where not."""

    def __init__(self, vocabulary: Vocabulary):
        values = np.asarray(vocabulary.values, np.int64)
        self.unknown = vocabulary.unknown
        self.table: np.ndarray | None = None
        if not len(values) or values.max() < DENSE:
            self.table = np.full(int(values.max(initial=-1)) + 2, self.unknown, np.int32)
            self.table[values] = np.arange(1, len(values) + 1)
        else:
            order = np.argsort(values)
            self.sorted, self.index = values[order], (order + 1).astype(np.int32)

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """(T,) non-negative integers → (T,) int32 indices."""
        if self.table is not None:
            return self.table.take(values, mode="clip")
        place = np.minimum(np.searchsorted(self.sorted, values), len(self.sorted) - 1)
        return np.where(self.sorted[place] == values, self.index[place], np.int32(self.unknown))


def as_number(word: str) -> int | None:
    """The whole number that ``word`` writes, None where it writes none."""
    if word.isascii() and word.isdigit():
        number = int(word)
        return number if number <= LARGEST else None
    return None


def numbers_of_words(counts: dict[str, int], column: str) -> Counts:
    """Counts of a text column that shares a vocabulary with whole numbers.

    Raises:
        InputError: a word isn't a whole number.
    """
    out = Counts()
    for word, n in counts.items():
        number = as_number(word)
        if number is None:
            raise InputError(f"column '{column}' shares a vocabulary with whole-number items but holds {word!r}; "
                             "set items: text in that sequence group")
        out.merge(np.array([number]), np.array([n]))
    return out
