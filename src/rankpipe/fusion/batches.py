"""Slates with what models see of them, and batches of them: shuffled for training, in order for scoring."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rankpipe.fusion.dataset import Slates
from rankpipe.fusion.inputs import MODALITIES, Batch, Inputs

if TYPE_CHECKING:
    from rankpipe.fusion.vectors import Vectors

SCORED_ROWS = 4096
"""Candidates of a batch for scoring, about."""


@dataclass(frozen=True)
class Examples:
    """q slates of one split, m candidates in all."""

    queries: np.ndarray
    """(q,) code of each slate's query, a row of the queries' vectors."""
    slates: Slates
    features: np.ndarray
    """(m, F) float32, all finite."""
    names: tuple[str, ...]
    """Of the F features."""
    vectors: Vectors | None = None
    """None: there are features alone."""

    def __len__(self) -> int:
        return len(self.slates)

    @property
    def inputs(self) -> Inputs:
        """The shape of a model for these."""
        if self.vectors is None:
            return Inputs(self.names)
        widths = {name: getattr(self.vectors, name).shape[1] for name in ("query", *MODALITIES)}
        return Inputs(self.names, **widths)

    def batch(self, chosen: np.ndarray) -> Batch:
        """The slates ``chosen`` (b,), in that order."""
        import torch

        slates = self.slates.take(chosen)
        rows = np.arange(slates.offsets[-1]) + np.repeat(self.slates.offsets[chosen] - slates.offsets[:-1],
                                                         slates.lengths)
        count, held = len(rows), self.vectors
        query = np.zeros((len(chosen), 0), np.float32) if held is None else held.query[self.queries[chosen]]
        found, present = [], np.zeros((count, len(MODALITIES)), bool)
        for i, name in enumerate(MODALITIES if held is not None else ()):
            present[:, i] = getattr(held, f"{name}_present")[slates.candidates]
            # What stands where nothing is there must have no say, whatever it is.
            found.append(np.where(present[:, i, None], getattr(held, name)[slates.candidates], np.float32(0)))
        found = found or [np.zeros((count, 0), np.float32)] * len(MODALITIES)
        return Batch(*map(torch.from_numpy, (slates.offsets, np.ascontiguousarray(self.features[rows]), query, *found,
                                             present, slates.grades.astype(np.float32))))

    def in_order(self) -> Iterator[Batch]:
        """Every slate once, in batches of about ``SCORED_ROWS`` candidates, at least one slate each."""
        start = 0
        while start < len(self):
            end = int(np.searchsorted(self.slates.offsets, self.slates.offsets[start] + SCORED_ROWS, "right")) - 1
            end = min(max(end, start + 1), len(self))
            yield self.batch(np.arange(start, end))
            start = end

    def shuffled(self, seed: int) -> Examples:
        """The same with grades shuffled within each query: the control that must score as chance."""
        rng = np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, 0x5F])))
        order = np.lexsort((rng.random(len(self.slates.grades)), self.slates.queries))
        return replace(self, slates=replace(self.slates, grades=self.slates.grades[order]))


class SlateBatches:
    """Train's slates in batches of ``batch_size`` of them, the last one perhaps smaller.

    The order is a function of seed and epoch alone, so (epoch, step) is all that a checkpoint needs. A row, as the
    training loop counts them, is a slate.

    Args:
        rank, world: this process gets every ``world``-th slate of each batch, from ``rank`` on.
    """

    def __init__(self, examples: Examples, batch_size: int, seed: int, rank: int = 0, world: int = 1):
        self.examples, self.batch_size, self.seed = examples, batch_size, seed
        self.rank, self.world = rank, world

    @property
    def rows(self) -> int:
        return len(self.examples)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.rows // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """Batches ``start``, ``start + 1``, … of an epoch, each with the slates that it has over all ranks."""
        order = np.random.Generator(np.random.Philox(np.random.SeedSequence([self.seed, epoch]))).permutation(self.rows)
        for step in range(start, self.steps):
            slates = order[step * self.batch_size:(step + 1) * self.batch_size]
            yield self.examples.batch(slates[self.rank::self.world]), len(slates)
