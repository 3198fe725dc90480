"""Batches of sentences for contrastive training: views of one sentence, pairs or triplets, in columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from rankpipe.embedding.sentences import Sentences
from rankpipe.errors import InputError


@dataclass(frozen=True)
class Batch:
    """b rows of C columns: n = C · b sentences, column after column, m tokens in all."""

    ids: Tensor
    """(m,) int64 token ids, special tokens counted in, sentences end to end."""
    offsets: Tensor
    """(n + 1,) int64, on the CPU always: sentence i is ``[offsets[i], offsets[i + 1])``."""
    columns: int
    labels: Tensor
    """(b,) float32; zeros where rows carry none."""

    def to(self, device: torch.device | str) -> Batch:
        return Batch(self.ids.to(device, non_blocking=True), self.offsets, self.columns,
                     self.labels.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        return Batch(self.ids.pin_memory(), self.offsets, self.columns, self.labels.pin_memory())


@dataclass(frozen=True)
class Augmentation:
    """What becomes of a sentence on its way into a column; each column draws for itself."""

    kind: Literal["none", "crop"] = "none"
    """crop: a run of its words."""
    low: float = 0.6
    high: float = 1.0
    """The share of words that a crop keeps is uniform in [low, high]."""


class ColumnBatches:
    """Rows in batches of ``batch_size``, what is left over of an epoch's order is left out: a batch's rows are each
    other's negatives, and a small batch would be another task. Fewer rows than ``batch_size`` are one batch.

    The order of rows is a function of seed and epoch alone, what augmentation draws one of seed, epoch and step.

    Args:
        columns: tokenised sentences, row i of each belonging together; the same object may stand in several places.
        labels: (rows,) float32, or None.
        rank, world: this process gets every ``world``-th row of each batch, from ``rank`` on.

    Raises:
        InputError: fewer rows than processes, or than two.
    """

    def __init__(self, columns: Sequence[Sentences], labels: np.ndarray | None, batch_size: int, seed: int,
                 augmentation: Augmentation | None = None, rank: int = 0, world: int = 1):
        self.columns, self.labels, self.seed = list(columns), labels, seed
        self.augmentation, self.rank, self.world = augmentation or Augmentation(), rank, world
        self.count = len(self.columns[0])
        self.batch_size = min(batch_size, self.count)
        if self.batch_size < max(2, world):
            raise InputError(f"training on {self.count} rows in batches of {batch_size} by {world} processes: a batch "
                             f"needs at least {max(2, world)} rows; raise batch_size, or give more rows")

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return self.count // self.batch_size

    @property
    def rows(self) -> int:
        return self.steps * self.batch_size

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """Batches ``start``, ``start + 1``, … of an epoch, each with the rows that it has over all processes."""
        order = _random(self.seed, epoch).permutation(self.count)
        for step in range(start, self.steps):
            rows = order[step * self.batch_size:(step + 1) * self.batch_size]
            # Drawn for all processes alike, so that their number changes nothing.
            drawn = _random(self.seed, epoch, step + 1).random((len(self.columns), len(rows), 2))
            yield self.batch(rows[self.rank::self.world], drawn[:, self.rank::self.world]), len(rows)

    def batch(self, rows: np.ndarray, drawn: np.ndarray) -> Batch:
        """Args:
            rows: (b,)
            drawn: (C, b, 2) in [0, 1).
        """
        found = [self._sentence(column, row, *numbers) for column, draws in zip(self.columns, drawn, strict=True)
                 for row, numbers in zip(rows.tolist(), draws.tolist(), strict=True)]
        offsets = np.zeros(len(found) + 1, np.int64)
        np.cumsum([len(one) for one in found], out=offsets[1:])
        labels = np.zeros(len(rows), np.float32) if self.labels is None else self.labels[rows]
        return Batch(torch.from_numpy(np.concatenate(found).astype(np.int64)), torch.from_numpy(offsets),
                     len(self.columns), torch.from_numpy(labels))

    def _sentence(self, column: Sentences, row: int, share: float, start: float) -> np.ndarray:
        if self.augmentation.kind == "none":
            return column.of(row)
        low, high = self.augmentation.low, self.augmentation.high
        return column.part(row, low + (high - low) * share, start)


def _random(*key: int) -> np.random.Generator:
    # numpy takes a key and the same one with a zero behind it for the same.
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(list(key))))
