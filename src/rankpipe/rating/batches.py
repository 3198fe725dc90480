"""Batches of ratings with their profiles: shuffled for training, in order for scoring."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from rankpipe.rating.profiles import Profiles
from rankpipe.rating.table import Ratings

if TYPE_CHECKING:
    from rankpipe.rating.inputs import Batch


class RatingBatches:
    """The train split in batches of ``batch_size`` rows, the last one perhaps smaller, each without its own reviews.

    The order is a function of seed and epoch alone, so (epoch, step) is all that a checkpoint needs.

    Args:
        ratings: the whole train split that ``profiles`` were made from.
        rank, world: this process gets every ``world``-th row of each batch, from ``rank`` on.
    """

    def __init__(self, profiles: Profiles, ratings: Ratings, batch_size: int, seed: int, rank: int = 0, world: int = 1):
        self.profiles, self.ratings, self.batch_size, self.seed = profiles, ratings, batch_size, seed
        self.rank, self.world = rank, world

    @property
    def rows(self) -> int:
        return len(self.ratings)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.rows // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple["Batch", int]]:
        """Batches ``start``, ``start + 1``, … of an epoch, each with the rows that it has over all ranks."""
        order = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, epoch]))).permutation(self.rows)
        for step in range(start, self.steps):
            rows = order[step * self.batch_size:(step + 1) * self.batch_size]
            mine = rows[self.rank::self.world]
            yield self.profiles.batch(self.ratings.users[mine], self.ratings.items[mine], own=mine,
                                      ratings=self.ratings.ratings[mine]), len(rows)


def sequential(profiles: Profiles, ratings: Ratings, batch_size: int, train: bool = False) -> Iterator["Batch"]:
    """Every row once, in order. ``train`` says that ``ratings`` is the train split, whose rows must not see themselves.
    """
    for start in range(0, len(ratings), batch_size):
        part = slice(start, start + batch_size)
        times = None if ratings.times is None else ratings.times[part]
        own = np.arange(start, min(start + batch_size, len(ratings))) if train else None
        yield profiles.batch(ratings.users[part], ratings.items[part], own, times, ratings.ratings[part])
