import numpy as np
import pytest
import torch
from blocks import Table, generated

from rankpipe.data.batches import TrainBatches, by_length, sequential
from rankpipe.data.encoders import Encoders, Features
from rankpipe.data.ragged import Batch
from rankpipe.data.schema import Schema, SequenceGroup

SCHEMA = Schema("label", None, ("a", "b"), ("x", "y"), {"seq": SequenceGroup({"item": "hist"}, statistics=False)})
MAX_LEN = 8


def encoded(table: Table, max_len: int = MAX_LEN):
    return Encoders.fit(table, SCHEMA, Features(), max_len).for_dictionaries(table.dictionaries)


def batches(rows: int = 1000, batch_size: int = 64, pool: int | None = None, **more) -> TrainBatches:
    """``pool``: rows of a pool; None keeps the whole table in memory."""
    table = generated(rows)
    encoder = encoded(table)
    table.reads.clear()
    pool_bytes = (rows if pool is None else pool) * encoder.row_bytes() + encoder.row_bytes() * batch_size
    return TrainBatches(table, encoder, batch_size, 7, chunk_rows=50, pool_bytes=pool_bytes if pool is None else
                        pool * encoder.row_bytes(), **more)


def rows_of(epoch) -> list[list[int]]:
    return [batch.rows.tolist() for batch, _ in epoch]


def items(batch: Batch) -> list[list[int]]:
    ragged = batch.sequences["seq"]
    return [x.tolist() for x in torch.split(ragged.fields["item"], ragged.lengths.tolist())]


@pytest.mark.parametrize("pool", [None, 300, 64])
def test_an_epoch_holds_every_row_once_with_its_own_values(pool):
    train = batches(pool=pool)
    assert (train.rows <= train.pool_rows) == (pool is None)
    whole = train.encoder.encode(train.table.columns)
    expected = items(whole)
    seen = []
    for batch, total in train.epoch(0):
        rows = batch.rows
        assert total == len(rows) <= 64
        assert torch.equal(batch.categorical, whole.categorical[rows])
        assert torch.equal(batch.numeric, whole.numeric[rows])
        assert torch.equal(batch.labels, whole.labels[rows])
        assert items(batch) == [expected[i] for i in rows]
        assert batch.sequences["seq"].fields["item"].dtype == torch.int64
        seen.extend(rows.tolist())
    assert sorted(seen) == list(range(1000)) and seen != sorted(seen)
    sizes = [len(b) for b in rows_of(train.epoch(1))]
    assert len(sizes) == train.steps == 16
    assert sorted(sizes) == [1000 % 64] + 15 * [64]


@pytest.mark.parametrize("pool", [None, 300])
@pytest.mark.parametrize("sequences", [True, False])
def test_order_depends_on_seed_and_epoch_alone(pool, sequences):
    train, again = batches(pool=pool, sequences=sequences), batches(pool=pool, sequences=sequences)
    first = rows_of(train.epoch(0))
    assert first != rows_of(train.epoch(1))
    assert rows_of(again.epoch(1)) == rows_of(train.epoch(1)) and rows_of(again.epoch(0)) == first
    again.seed = 8
    assert rows_of(again.epoch(0)) != first


@pytest.mark.parametrize("pool", [None, 300, 64])
def test_going_on_from_any_step_gives_the_rest(pool):
    train = batches(pool=pool)
    whole = rows_of(train.epoch(3))
    for start in (0, 1, 4, 5, 15, 16):
        assert rows_of(train.epoch(3, start)) == whole[start:]


def test_skipping_forward_reads_no_pool_that_is_not_used():
    train = batches(pool=300)  # 4 batches of 64 a pool, 50 rows a chunk
    list(train.epoch(0, start=12))
    assert sum(stop - start for start, stop in train.table.reads) == 1000 - 3 * 256


def test_a_table_that_fits_is_read_once():
    train = batches()
    list(train.epoch(0))
    reads = len(train.table.reads)
    list(train.epoch(1))
    assert len(train.table.reads) == reads


def test_rows_of_a_batch_come_from_all_over_the_table():
    train = batches(rows=2000, pool=500, sequences=False)
    spread = [np.ptp(rows) for rows in rows_of(train.epoch(0))[:-1]]
    assert np.median(spread) > 1000


def test_buckets_waste_little_at_log_normal_lengths():
    rng = np.random.default_rng(5)
    rows, cap, batch_size = 20_000, 500, 256
    lengths = np.minimum(rng.lognormal(np.log(300), 1.0, rows), 1200).astype(np.int64)
    table = generated(rows, lengths=lengths)
    train = TrainBatches(table, encoded(table, cap), batch_size, 1)
    padded = real = 0
    for batch, _ in train.epoch(0):
        ragged = batch.sequences["seq"]
        padded += len(batch) * ragged.width()
        real += int(ragged.lengths.sum())
    assert real == np.minimum(lengths, cap).sum()
    assert padded / real <= 1.05
    shuffled = np.random.default_rng(0).permutation(np.minimum(lengths, cap))[: rows // batch_size * batch_size]
    assert shuffled.reshape(-1, batch_size).max(1).sum() * batch_size / shuffled.sum() > 1.4  # what it saves


@pytest.mark.parametrize("rows", [1000, 961])  # 961: the last batch has one row, the second rank none of it
def test_ranks_share_every_batch(rows):
    whole = rows_of(batches(rows, pool=300).epoch(2))
    parts = [list(batches(rows, pool=300, rank=r, world=2).epoch(2)) for r in (0, 1)]
    for together, (left, n), (right, m) in zip(whole, *parts, strict=True):
        assert n == m == len(together)
        assert left.rows.tolist() == together[0::2] and right.rows.tolist() == together[1::2]
    assert rows != 961 or min(len(batch) for batch, _ in parts[1]) == 0


@pytest.mark.parametrize("sequences", [True, False])
def test_sequential_covers_the_table_in_blocks_sorted_by_length(sequences):
    table = generated(1000)
    encoder = encoded(table)
    whole = encoder.encode(table.columns)
    seen = []
    for batch in sequential(table, encoder, 64, sequences=sequences, block_rows=300):
        rows = batch.rows.tolist()
        assert len({i // 300 for i in rows}) == 1
        assert torch.equal(batch.labels, whole.labels[rows])
        if sequences:
            lengths = batch.sequences["seq"].lengths.tolist()
            assert lengths == sorted(lengths, reverse=True)
        seen.extend(rows)
    assert sorted(seen) == list(range(1000))
    shares = [i for r in range(3) for b in sequential(table, encoder, 64, rank=r, world=3, block_rows=300)
              for i in b.rows.tolist()]
    assert sorted(shares) == list(range(1000))


def test_nothing_gives_no_batch():
    table = generated(10)
    encoder = encoded(table)
    empty = Table(table.read(0, 0), table.dictionaries)
    assert list(TrainBatches(empty, encoder, 4, 0).epoch(0)) == list(sequential(empty, encoder, 4)) == []
    assert list(by_length(encoder.encode(empty.columns), 4)) == []
