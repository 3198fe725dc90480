"""Batches of what users took, with negatives drawn for each: users with all their rows, or single rows.

The order and the negatives are a function of (seed, epoch, step) alone, so that ``(epoch, step)`` is all that a
checkpoint needs. Whole users suit models whose scores are an inner product: a block of B users by all items is one
matrix product, and every positive and negative of the B users is read from it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Literal, Self

import numpy as np
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

from rankpipe.errors import InputError
from rankpipe.topk.negatives import Negatives

BLOCK_SCORES = 1 << 23
"""Most scores of a block, users × items, 32 MB: with a large catalogue a batch has fewer users than asked for."""


@dataclass
class Batch:
    """T rows of B users."""

    users: Tensor
    """(B,) int64."""
    rows: Tensor
    """(T,) int64 in [0, B): whose each item is."""
    items: Tensor
    """(T,) int64, what was taken."""
    negatives: Tensor | None = None
    """(T, N) int64, what was not."""
    weights: Tensor | None = None
    """(T,) float32 of the rows in the loss; None: 1."""

    def __len__(self) -> int:
        return len(self.items)

    def to(self, device: torch.device | str) -> Self:
        return self._each(lambda x: x.to(device, non_blocking=True))

    def pinned(self) -> Self:
        return self._each(lambda x: x.pin_memory())

    def _each(self, move) -> Self:
        return type(self)(*(None if (part := getattr(self, f.name)) is None else move(part) for f in fields(self)))


class TakenBatches:
    """Shuffled batches over the rows of ``taken``.

    Users who took nothing are left out; with negatives also those who took everything, since nothing is left to draw.

    Args:
        taken: (U, I), columns sorted within a row.
        unit: what ``batch_size`` counts: ``users``, each with all rows, or ``rows``.
        negatives: N for each row; 0 draws none.
        popularity: see :class:`Negatives`.
        user_weight: w of a row's weight n^−w, n the rows of its user, made so that the mean over all rows is 1.
        rank, world: this process gets every ``world``-th unit of each batch, from ``rank`` on.

    Raises:
        InputError: no user is left to train on.
    """

    def __init__(self, taken: csr_matrix, batch_size: int, seed: int, *, unit: Literal["users", "rows"] = "users",
                 negatives: int = 0, popularity: float = 0.0, user_weight: float = 0.0, rank: int = 0, world: int = 1):
        lengths = np.diff(taken.indptr)
        users = np.flatnonzero((lengths > 0) & ((lengths < taken.shape[1]) | (negatives == 0)))
        if not len(users):
            raise InputError("topk: no user of the train split took some items and left others, so there is nothing to "
                             "train on; give it more rows in topk.extract")
        self.taken, self.seed, self.count, self.rank, self.world = taken, seed, negatives, rank, world
        self.rows = int(lengths[users].sum())
        self.by_user = unit == "users"
        self.units = users if self.by_user else np.flatnonzero(np.isin(np.repeat(np.arange(len(lengths)), lengths),
                                                                       users))
        self.size = min(batch_size, max(BLOCK_SCORES // taken.shape[1], 1)) if self.by_user else batch_size
        self.sampler = Negatives(taken, popularity) if negatives else None
        self.weights = _weights(lengths, users, user_weight) if user_weight else None

    @property
    def steps(self) -> int:
        return -(-len(self.units) // self.size)

    @property
    def batch_size(self) -> int:
        """Rows of a mean batch."""
        return -(-self.rows // self.steps)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        order = self._generator(epoch, 0).permutation(self.units)
        for step in range(start, self.steps):
            yield self._batch(np.sort(order[step * self.size:(step + 1) * self.size]), epoch, step)

    def _batch(self, units: np.ndarray, epoch: int, step: int) -> tuple[Batch, int]:
        if self.by_user:
            users = units
            lengths = np.diff(self.taken.indptr)[users].astype(np.int64)
            places = np.repeat(self.taken.indptr[users] - (np.cumsum(lengths) - lengths), lengths)
            places = places + np.arange(len(places))
        else:
            users, counted = np.unique(np.searchsorted(self.taken.indptr, units, side="right") - 1, return_counts=True)
            lengths, places = counted, units
        rows, items = np.repeat(np.arange(len(users)), lengths), self.taken.indices[places].astype(np.int64)
        # Drawn for the whole batch, so that a row's negatives don't depend on the number of processes.
        negatives = None if self.sampler is None else self.sampler.draw(users[rows], self.count,
                                                                        self._generator(epoch, step + 1))
        weights = None if self.weights is None else self.weights[users[rows]]
        total = len(rows)
        if self.world > 1:
            mine = rows % self.world == self.rank
            rows, items = rows[mine], items[mine]
            negatives = None if negatives is None else negatives[mine]
            weights = None if weights is None else weights[mine]
            users, rows = users[self.rank::self.world], rows // self.world
        return Batch(*(None if part is None else torch.from_numpy(part)
                       for part in (users, rows, items, negatives, weights))), total

    def _generator(self, epoch: int, number: int) -> np.random.Generator:
        return np.random.Generator(np.random.Philox(key=[self.seed, epoch], counter=[0, 0, 0, number]))


def _weights(lengths: np.ndarray, users: np.ndarray, exponent: float) -> np.ndarray:
    """(U,) float32, n^−exponent of each of ``users`` and 0 of all others, so that the mean of their rows weighs 1."""
    found = np.zeros(len(lengths))
    found[users] = lengths[users].astype(np.float64) ** -exponent
    return (found * (lengths[users].sum() / (found @ lengths))).astype(np.float32)
