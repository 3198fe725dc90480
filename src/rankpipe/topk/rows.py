"""The rows that a split divides, and the draws it makes among them: by hashes of the ids, never by position."""

from dataclasses import dataclass, replace

import numpy as np

from rankpipe.data.sampling import keys, word_key
from rankpipe.errors import InputError


@dataclass(frozen=True)
class Rows:
    """n rows sorted by (user, item), none twice."""

    users: np.ndarray
    """(n,) int32 codes."""
    items: np.ndarray
    times: np.ndarray | None
    """(n,) int64."""
    user_keys: np.ndarray
    """(U,) uint64, a hash of the id behind each code, as :func:`hashed` gives it."""
    item_keys: np.ndarray
    seed: int

    def __len__(self) -> int:
        return len(self.users)

    def keys(self, purpose: str) -> np.ndarray:
        """(n,) uint64 by the ids of user and item."""
        return keys(self.seed, purpose, self.user_keys[self.users] ^ self.item_keys[self.items])

    def luck(self, purpose: str) -> np.ndarray:
        """(U,) float64 in [0, 1) by the user's id."""
        return keys(self.seed, purpose, self.user_keys) / 2.0**64

    def lengths(self) -> np.ndarray:
        """(U,) int64 rows of each user."""
        return np.bincount(self.users, minlength=len(self.user_keys))

    def clock(self, split: str) -> np.ndarray:
        """``times``. Raises InputError where there are none."""
        if self.times is None:
            raise InputError(f"params.yaml: topk.extract.split: {split} needs times; set topk.source.interactions.time")
        return self.times

    def take(self, index: np.ndarray | slice) -> "Rows":
        """Some rows, of the same users and items."""
        times = None if self.times is None else self.times[index]
        return replace(self, users=self.users[index], items=self.items[index], times=times)


def hashed(words: list[str], seed: int, purpose: str) -> np.ndarray:
    """(len(words),) uint64."""
    return np.array([word_key(seed, purpose, word) for word in words], np.uint64)


def ranks(groups: np.ndarray, *by: np.ndarray) -> np.ndarray:
    """(n,) int64 place of each row within its group, from 0, in rising order of ``by``, the first deciding first."""
    order = np.lexsort((*by[::-1], groups))
    sizes = np.bincount(groups)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    out = np.empty(len(groups), np.int64)
    out[order] = np.arange(len(groups)) - starts
    return out


def deal(marks: np.ndarray, index: np.ndarray, groups: np.ndarray, counts: np.ndarray, key: np.ndarray,
         sets: tuple[int, ...]) -> None:
    """Marks, of the rows ``index``, each group's ``counts`` rows of lowest ``key`` by the first of ``sets``, and so on.

    Args:
        groups: (m,) of the rows ``index``.
        counts: (groups,) rows for each set.
        key: (m,).
    """
    place, count = ranks(groups, key), counts[groups]
    for i, mark in enumerate(sets):
        marks[index[(place >= i * count) & (place < (i + 1) * count)]] = mark
