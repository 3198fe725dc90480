"""Who took what: the rows of one split as codes, sorted by user and item."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix


@dataclass(frozen=True)
class Interactions:
    """n rows sorted by (user, item), none twice. All splits of a data set share one code space."""

    users: np.ndarray
    """(n,) int32 codes in [0, n_users)."""
    items: np.ndarray
    """(n,) int32 codes in [0, n_items)."""
    n_users: int
    n_items: int
    times: np.ndarray | None = None
    """(n,) int64 unix seconds."""
    ratings: np.ndarray | None = None
    """(n,) float32."""

    @classmethod
    def of(cls, users: np.ndarray, items: np.ndarray, n_users: int, n_items: int, times: np.ndarray | None = None,
           ratings: np.ndarray | None = None) -> "Interactions":
        """Rows in any order, sorted; of rows with the same user and item the first stays."""
        key = np.asarray(users, np.int64) * n_items + items
        _, order = np.unique(key, return_index=True)
        found = cls(np.asarray(users, np.int32), np.asarray(items, np.int32), n_users, n_items,
                    None if times is None else np.asarray(times, np.int64),
                    None if ratings is None else np.asarray(ratings, np.float32))
        return found.take(order)

    def __len__(self) -> int:
        return len(self.users)

    def take(self, index: np.ndarray) -> "Interactions":
        """The rows ``index``: rising positions or (n,) bool."""
        return Interactions(self.users[index], self.items[index], self.n_users, self.n_items,
                            None if self.times is None else self.times[index],
                            None if self.ratings is None else self.ratings[index])

    @property
    def offsets(self) -> np.ndarray:
        """(n_users + 1,) int64: the rows of user u are ``offsets[u]:offsets[u + 1]``."""
        return np.concatenate([[0], np.cumsum(np.bincount(self.users, minlength=self.n_users))])

    def matrix(self) -> csr_matrix:
        """(n_users, n_items) float32 of ones, columns sorted in each row."""
        ones = np.ones(len(self), np.float32)
        return csr_matrix((ones, self.items, self.offsets), shape=(self.n_users, self.n_items))

    def popularity(self) -> np.ndarray:
        """(n_items,) int64: how many users took each item."""
        return np.bincount(self.items, minlength=self.n_items)

    def keys(self) -> np.ndarray:
        """(n,) int64, rising: one number for each pair of user and item."""
        return self.users.astype(np.int64) * self.n_items + self.items

    def __add__(self, other: "Interactions") -> "Interactions":
        return merge(self, other)


def merge(*parts: Interactions) -> Interactions:
    """The union; of a pair that stands in several parts the first counts. Times and ratings stay where all have them.

    Raises:
        ValueError: the parts have different code spaces.
    """
    sizes = {(part.n_users, part.n_items) for part in parts}
    if len(sizes) != 1:
        raise ValueError(f"cannot merge interactions of different code spaces: {sorted(sizes)}")

    def joined(name: str) -> np.ndarray | None:
        values = [getattr(part, name) for part in parts]
        return None if any(v is None for v in values) else np.concatenate(values)

    return Interactions.of(joined("users"), joined("items"), parts[0].n_users, parts[0].n_items, joined("times"),
                           joined("ratings"))
