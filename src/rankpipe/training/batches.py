"""What the training loop asks of a track's batches."""

from collections.abc import Iterator
from typing import Protocol, Self

import torch


class Batch(Protocol):
    """Rows on their way to a model; what else it holds is between the track's batches, model and loss."""

    def to(self, device: torch.device | str) -> Self:
        """The same rows on ``device``, copied without waiting where memory is pinned."""
        ...

    def pinned(self) -> Self:
        """A copy in page-locked memory, which travels to a GPU while the CPU goes on."""
        ...


class Batches(Protocol):
    """One process's share of every batch. The order of rows is a function of the seed and the epoch alone, so that
    ``(epoch, step)`` is all that a checkpoint needs.
    """

    batch_size: int

    @property
    def rows(self) -> int:
        """In an epoch, over all processes."""
        ...

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        ...

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """Batches ``start``, ``start + 1``, … of an epoch, each with the rows that it has over all processes."""
        ...
