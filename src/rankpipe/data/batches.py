"""Batches from a table of any length, in bounded memory: shuffled for training, in file order for scoring.

A *pool* is as many encoded rows as fit in ``POOL_BYTES``. Training reads pools of randomly chosen chunks and shuffles
inside the pool; with sequences, rows of like length share a batch, so that a batch is hardly longer than its rows. The
order is a function of seed and epoch alone, so ``(epoch, step)`` is all that a checkpoint needs, and going on from it
reads no row that isn't used. A table that fits in one pool is read and encoded once.
"""

from collections.abc import Iterator

import numpy as np
import torch

from rankpipe.data.encoders import Table
from rankpipe.data.encoding import Encoder
from rankpipe.data.newest import ragged_places
from rankpipe.data.ragged import Batch, Ragged

CHUNK_ROWS = 4096
"""Rows read at one place; convert stores them together."""
POOL_BYTES = 128 << 20


class TrainBatches:
    """Shuffled batches of ``batch_size`` rows; the last one may be smaller (with sequences: any one of the last pool).

    Args:
        sequences: False leaves the sequences out, for models that read none.
        rank, world: this process gets every ``world``-th row of each batch, from ``rank`` on.
    """

    def __init__(self, table: Table, encoder: Encoder, batch_size: int, seed: int, *, sequences: bool = True,
                 rank: int = 0, world: int = 1, chunk_rows: int = CHUNK_ROWS, pool_bytes: int = POOL_BYTES):
        self.table, self.encoder, self.batch_size, self.seed = table, encoder, batch_size, seed
        self.sequences, self.rank, self.world, self.chunk_rows = sequences, rank, world, chunk_rows
        fitting = pool_bytes // encoder.row_bytes(sequences)
        self.pool_rows = max(fitting // batch_size, 1) * batch_size
        self.kept: Batch | None = None

    @property
    def rows(self) -> int:
        return len(self.table)

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        return -(-self.rows // self.batch_size)

    def epoch(self, epoch: int, start: int = 0) -> Iterator[tuple[Batch, int]]:
        """Batches ``start``, ``start + 1``, … of an epoch, each with the rows that it has over all ranks."""
        per_pool = self.pool_rows // self.batch_size
        for number in range(start // per_pool, -(-self.rows // self.pool_rows)):
            pool = self._pool(epoch, number)
            skipped = start - number * per_pool if number == start // per_pool else 0
            for index in self._order(epoch, number, pool)[skipped:]:
                yield take(pool, index[self.rank::self.world]), len(index)
            del pool

    def _pool(self, epoch: int, number: int) -> Batch:
        if self.rows <= self.pool_rows:
            if self.kept is None:
                self.kept = self._read([(0, self.rows)])
            return self.kept
        order = _generator(self.seed, epoch).permutation(-(-self.rows // self.chunk_rows))
        starts = order * self.chunk_rows
        sizes = np.minimum(starts + self.chunk_rows, self.rows) - starts
        before = np.cumsum(sizes) - sizes  # where each chunk begins in the epoch's stream of rows
        low, high = number * self.pool_rows, (number + 1) * self.pool_rows
        runs = []
        for i in np.flatnonzero((before < high) & (before + sizes > low)):
            first, last = max(low - before[i], 0), min(high - before[i], sizes[i])
            runs.append((int(starts[i] + first), int(starts[i] + last)))
        return self._read(runs)

    def _read(self, runs: list[tuple[int, int]]) -> Batch:
        parts = []
        for start, stop in runs:
            for first in range(start, stop, self.chunk_rows):
                last = min(first + self.chunk_rows, stop)
                part = self.encoder.encode(self.table.read(first, last, self.sequences))
                part.rows = torch.arange(first, last)
                parts.append(_compact(part))
        return _joined(parts)

    def _order(self, epoch: int, number: int, pool: Batch) -> list[np.ndarray]:
        generator = _generator(self.seed, epoch, number + 1)
        rows = generator.permutation(len(pool))
        sizes = np.full(-(-len(pool) // self.batch_size), self.batch_size)
        if not pool.sequences:
            return np.split(rows, np.cumsum(sizes)[:-1])
        rows = rows[np.argsort(longest(pool)[rows], kind="stable")]
        # The smaller batch weighs its rows more: it falls on other lengths in every epoch.
        sizes[generator.integers(len(sizes))] -= sizes.sum() - len(pool)
        batches = np.split(rows, np.cumsum(sizes)[:-1])
        return [batches[i] for i in generator.permutation(len(batches))]


def sequential(table: Table, encoder: Encoder, batch_size: int, *, sequences: bool = True, rank: int = 0,
               world: int = 1, block_rows: int = 2 * CHUNK_ROWS) -> Iterator[Batch]:
    """Every row once, block after block; ``Batch.rows`` is a row's position in ``table``.

    Inside a block rows come sorted by length. Of several processes, each takes every ``world``-th block.
    """
    for start in range(rank * block_rows, len(table), world * block_rows):
        block = encoder.encode(table.read(start, min(start + block_rows, len(table)), sequences))
        for batch in by_length(block, batch_size):
            batch.rows += start
            yield batch


def by_length(block: Batch, batch_size: int) -> Iterator[Batch]:
    """``block`` in batches of like length, longest first; ``Batch.rows`` is a row's position in the block."""
    block.rows = torch.arange(len(block))
    # Longest first: what will not fit in memory fails at once.
    order = np.argsort(-longest(block), kind="stable") if block.sequences else np.arange(len(block))
    for first in range(0, len(order), batch_size):
        yield take(block, order[first:first + batch_size])


def take(batch: Batch, index: np.ndarray) -> Batch:
    """Rows ``index`` (B,) of ``batch``."""
    at = torch.from_numpy(index)
    sequences = {}
    for name, ragged in batch.sequences.items():
        lengths = ragged.lengths.numpy()
        chosen = lengths[index]
        places = torch.from_numpy(ragged_places((np.cumsum(lengths) - lengths)[index], chosen))
        sequences[name] = Ragged({f: v.index_select(0, places).long() for f, v in ragged.fields.items()},
                                 torch.from_numpy(chosen), None if ragged.ages is None else ragged.ages[places])
    return Batch(batch.categorical.index_select(0, at), batch.numeric.index_select(0, at), sequences,
                 None if batch.labels is None else batch.labels[at], None if batch.rows is None else batch.rows[at])


def longest(batch: Batch) -> np.ndarray:
    """(B,) length of each row's longest sequence."""
    return np.max([ragged.lengths.numpy() for ragged in batch.sequences.values()], 0)


def _generator(seed: int, epoch: int, number: int = 0) -> np.random.Generator:
    """Draws for one purpose: chunks of an epoch (number 0) or the rows of a pool (1, 2, …)."""
    return np.random.Generator(np.random.Philox(key=[seed, epoch], counter=[0, 0, 0, number]))


def _compact(batch: Batch) -> Batch:
    for ragged in batch.sequences.values():
        ragged.fields = {f: v.int() for f, v in ragged.fields.items()}
    return batch


def _joined(parts: list[Batch]) -> Batch:
    def cat(tensors: list[torch.Tensor | None]) -> torch.Tensor | None:
        return None if tensors[0] is None else torch.cat(tensors)

    sequences = {}
    for name, first in parts[0].sequences.items():
        ragged = [p.sequences[name] for p in parts]
        sequences[name] = Ragged({f: torch.cat([r.fields[f] for r in ragged]) for f in first.fields},
                                 torch.cat([r.lengths for r in ragged]), cat([r.ages for r in ragged]))
    return Batch(cat([p.categorical for p in parts]), cat([p.numeric for p in parts]), sequences,
                 cat([p.labels for p in parts]), cat([p.rows for p in parts]))
