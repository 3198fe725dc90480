"""What every model is fitted on and judged by: three splits, their fields and the names behind the codes."""

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Literal

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.topk import features
from rankpipe.topk.fields import Field
from rankpipe.topk.interactions import Interactions
from rankpipe.topk.table import TRACK, read_names, read_split


@dataclass(frozen=True)
class Dataset:
    """U users and I items. No pair of user and item stands in two of train, valid, test and fold_in."""

    train: Interactions
    valid: Interactions
    test: Interactions
    user_names: list[str]
    """Code → the id in the raw file, sorted as numbers where all are whole numbers, else as text."""
    item_names: list[str]
    user_fields: tuple[Field, ...] = ()
    """Each of U rows."""
    item_fields: tuple[Field, ...] = ()
    """Each of I rows."""
    valid_sequential: np.ndarray | None = None
    """(len(valid),) bool, for the split ``leaderboard``: True where the row lies behind its user's cut in time."""
    test_sequential: np.ndarray | None = None
    fold_in: Interactions | None = None
    """For the split ``held_out_users``: what is known of the users of valid and test, who aren't in train."""

    @property
    def n_users(self) -> int:
        return self.train.n_users

    @property
    def n_items(self) -> int:
        return self.train.n_items

    @cached_property
    def history(self) -> csr_matrix:
        """(U, I) float32 of ones: what a model may know of each user when it scores valid and test."""
        return self._of(self.train, self.fold_in)

    def seen(self, split: Literal["valid", "test"]) -> csr_matrix:
        """(U, I) float32 of ones: what is never recommended. For test the rows of valid too."""
        if split == "valid":
            return self.history
        return self._of(self.train, self.valid, self.fold_in)

    @cached_property
    def known(self) -> csr_matrix:
        """(U, I) float32 of ones: the rows of all splits, for whoever doesn't judge any more."""
        return self._of(self.train, self.valid, self.test, self.fold_in)

    @staticmethod
    def _of(*parts: Interactions | None) -> csr_matrix:
        """No pair stands in two parts, so their sum holds ones; it needs less memory than a merge of the rows."""
        first, *others = (part.matrix() for part in parts if part is not None)
        return sum(others, first)

    def hidden(self, split: Literal["valid", "test"]) -> Interactions:
        """The rows to be found: those of ``split``."""
        return self.valid if split == "valid" else self.test


def read(size: str) -> Dataset:
    """The data set that convert and features left.

    Raises:
        InputError: a file is missing, damaged or of another run; a split is empty; a hidden row stands in train too.
    """
    user_names, item_names = read_names(size, "users"), read_names(size, "items")
    n = len(user_names), len(item_names)
    train, _ = read_split(size, "train", *n)
    valid, valid_sequential = read_split(size, "valid", *n)
    test, test_sequential = read_split(size, "test", *n)
    fold_in = read_split(size, "fold_in", *n)[0] if paths.split(size, TRACK, "fold_in").is_file() else None
    splits = {"train": train, "valid": valid, "test": test} | ({} if fold_in is None else {"fold_in": fold_in})
    for name, rows in splits.items():
        if not len(rows):
            raise InputError(f"{paths.split(size, TRACK, name)}: has no rows; run extract and convert again")
    for (a, one), (b, other) in combinations(splits.items(), 2):
        both = np.intersect1d(one.keys(), other.keys(), assume_unique=True)
        if len(both):
            user, item = divmod(int(both[0]), n[1])
            raise InputError(f"{paths.table(size, TRACK)}: {len(both)} rows stand in {a} and {b}, such as user "
                             f"{user_names[user]} with item {item_names[item]}: {b} would leak; run convert again")
    return Dataset(train, valid, test, user_names, item_names, features.read(size, "users", n[0]),
                   features.read(size, "items", n[1]), valid_sequential, test_sequential, fold_in)
