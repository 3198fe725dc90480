"""Batches of what users took, their negatives and their weights."""

import numpy as np
import pytest
import topk_small as small
import torch
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError
from rankpipe.topk.batches import BLOCK_SCORES, Batch, TakenBatches
from rankpipe.topk.negatives import Negatives

TAKEN, _ = small.checkerboard()


@pytest.mark.parametrize("popularity", [0.0, 0.75, 2.0])
def test_negatives_are_never_positives_and_follow_their_weights(popularity):
    generator = np.random.default_rng(0)
    taken = csr_matrix((generator.random((40, 30)) < np.linspace(0.05, 0.9, 30)).astype(np.float32))
    users = np.repeat(np.arange(40), 500)
    drawn = Negatives(taken, popularity).draw(users, 4, np.random.default_rng(1))
    assert drawn.shape == (20_000, 4)
    assert not taken.toarray()[users[:, None], drawn].any()
    counts = np.maximum(np.asarray(taken.sum(0)).ravel(), 1)
    for user in (0, 7):
        free = np.flatnonzero(taken[user].toarray().ravel() == 0)
        weights = counts[free] ** popularity / (counts[free] ** popularity).sum()
        found = np.bincount(drawn[users == user].ravel(), minlength=30)[free] / 2000
        np.testing.assert_allclose(found, weights, atol=4.5 * np.sqrt(0.25 / 2000))


def test_negatives_of_who_left_one_item_or_none():
    taken = csr_matrix(np.array([[1, 1, 0, 1], [1, 1, 1, 1]], np.float32))
    for popularity in (0.0, 1.0):
        drawn = Negatives(taken, popularity).draw(np.array([0, 1]), 3, np.random.default_rng(0))
        assert drawn.tolist() == [[2, 2, 2], [-1, -1, -1]]


def test_negatives_differ_between_epochs_and_steps_and_are_a_function_of_both():
    def drawn(epoch, start=0, size=8):
        batches = TakenBatches(TAKEN, size, 5, negatives=2)
        return {int(u): b.negatives[b.rows == i] for b, _ in batches.epoch(epoch, start) for i, u in enumerate(b.users)}

    first, again, later = drawn(0), drawn(0), drawn(1)
    assert all(torch.equal(first[u], again[u]) for u in range(24))
    assert sum(not torch.equal(first[u], later[u]) for u in range(24)) > 20
    # With all users in one batch their order is the same in every epoch, and only the draws are left to differ.
    first_whole, later_whole = drawn(0, size=24), drawn(1, size=24)
    assert sum(not torch.equal(first_whole[u], later_whole[u]) for u in range(24)) > 20
    alike = csr_matrix(np.tile(TAKEN[:1].toarray(), (24, 1)))  # users who differ in nothing: the steps' draws must
    one, other = (b.negatives for b, _ in TakenBatches(alike, 12, 5, negatives=2).epoch(0))
    assert not torch.equal(one, other)
    resumed = drawn(0, start=2)
    assert len(resumed) == 8 and all(torch.equal(first[u], resumed[u]) for u in resumed)


@pytest.mark.parametrize("unit", ["users", "rows"])
def test_an_epoch_holds_every_row_once(unit):
    batches = TakenBatches(TAKEN, 7, 5, unit=unit, negatives=1)
    found = [(int(b.users[r]), int(i)) for b, _ in batches.epoch(0) for r, i in zip(b.rows, b.items, strict=True)]
    assert sorted(found) == list(zip(*(x.tolist() for x in TAKEN.nonzero()), strict=True))
    assert batches.rows == TAKEN.nnz == sum(total for _, total in batches.epoch(0))
    assert batches.steps == len(list(batches.epoch(0)))
    assert [b.items.tolist() for b, _ in batches.epoch(0)] != [b.items.tolist() for b, _ in batches.epoch(1)]


@pytest.mark.parametrize("unit", ["users", "rows"])
def test_processes_share_a_batch(unit):
    whole = list(TakenBatches(TAKEN, 8, 5, unit=unit, negatives=2).epoch(0))
    shares = [list(TakenBatches(TAKEN, 8, 5, unit=unit, negatives=2, rank=r, world=2).epoch(0)) for r in (0, 1)]

    def rows(batch: Batch):
        return [(int(batch.users[r]), int(i), n.tolist())
                for r, i, n in zip(batch.rows, batch.items, batch.negatives, strict=True)]

    for (batch, total), (one, its), (other, _) in zip(whole, *shares, strict=True):
        assert sorted(rows(one) + rows(other)) == sorted(rows(batch)) and its == total


@pytest.mark.parametrize("unit", ["users", "rows"])
@pytest.mark.parametrize("rank", [0, 1])
def test_rows_of_users_of_many_rows_weigh_less(unit, rank):
    taken = csr_matrix(np.array([[1, 0, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]], np.float32))
    batch, _ = next(TakenBatches(taken, 5, 0, unit=unit, user_weight=0.5, rank=rank, world=2).epoch(0))
    # 1/√1 and 1/√4, over their mean (1 + 4 · ½) / 5.
    assert batch.weights.tolist() == pytest.approx([[5 / 3], [5 / 6] * 4][rank])
    assert batch.to("cpu").weights is not None
    assert next(TakenBatches(taken, 5, 0, unit=unit).epoch(0))[0].weights is None


def test_users_without_items_are_left_out_and_blocks_are_bounded():
    taken = csr_matrix(([1.0, 1.0], ([1, 3], [0, 2])), shape=(5, 3), dtype=np.float32)
    batch, total = next(TakenBatches(taken, 10, 0).epoch(0))
    assert batch.users.tolist() == [1, 3] and total == 2
    wide = csr_matrix((np.ones(6, np.float32), (np.arange(6), np.arange(6))), shape=(6, BLOCK_SCORES // 2))
    assert [len(b.users) for b, _ in TakenBatches(wide, 10, 0).epoch(0)] == [2, 2, 2]
    with pytest.raises(InputError, match="nothing to train on"):
        TakenBatches(csr_matrix((3, 3), dtype=np.float32), 10, 0)
