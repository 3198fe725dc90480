"""Losses by hand, negatives, batches, and the training of top-N models: what it keeps, refits and resumes."""

import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
import topk_small as small
import torch
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError
from rankpipe.losses.bpr import bpr
from rankpipe.losses.logistic import logistic, sampled_logistic
from rankpipe.losses.softmax import sampled_softmax, softmax
from rankpipe.topk.batches import BLOCK_SCORES, Batch, TakenBatches
from rankpipe.topk.fitting import Validation, best_epoch, fit_on
from rankpipe.topk.models import model_class
from rankpipe.topk.negatives import Negatives
from rankpipe.topk.objective import Logistic, Ranking, summed
from rankpipe.topk.scoring import epochs, save_model, scorer
from rankpipe.topk.train import write_lists
from rankpipe.training.checkpoint import Checkpoints
from rankpipe.training.schedules import Stopping

TAKEN, LEFT = small.checkerboard()
HIDDEN = csr_matrix((np.ones(24, np.float32), (np.arange(24), LEFT)), shape=TAKEN.shape)
LN2, LN3 = math.log(2), math.log(3)


def test_bpr_by_hand():
    positive, negatives = torch.tensor([LN3, 0.0]), torch.tensor([[0.0, 0.0], [0.0, LN3]])
    # −ln σ: of ln 3 it is ln(4/3), of 0 ln 2, of −ln 3 ln 4; each row averages its two.
    assert bpr(positive, negatives).item() == pytest.approx(math.log(4 / 3) + (LN2 + math.log(4)) / 2)


def test_bpr_raises_what_was_taken_above_what_was_not():
    positive, negatives = torch.zeros(3, requires_grad=True), torch.zeros(3, 2, requires_grad=True)
    bpr(positive, negatives).backward()
    assert (positive.grad < 0).all() and (negatives.grad > 0).all()  # descent goes against the gradient


def test_softmax_by_hand():
    scores = torch.tensor([[LN3, 0.0, 0.0], [0.0, 0.0, 0.0]])
    # Shares 3/5, 1/5, 1/5 and a third each.
    rows, items = torch.tensor([0, 0, 1]), torch.tensor([0, 2, 1])
    assert softmax(scores, rows, items).item() == pytest.approx(math.log(5 / 3) + math.log(5) + LN3)
    assert sampled_softmax(torch.tensor([LN3]), torch.zeros(1, 2)).item() == pytest.approx(math.log(5 / 3))


def test_logistic_by_hand():
    scores, rows, items = torch.tensor([[LN3, 0.0]]), torch.tensor([0]), torch.tensor([0])
    # (1 + α) ln(1 + 3) − α ln 3 for what was taken, ln 2 for the other.
    for alpha in (1.0, 4.0):
        value = (1 + alpha) * math.log(4) - alpha * LN3 + LN2
        assert logistic(scores, rows, items, alpha).item() == pytest.approx(value)
        assert sampled_logistic(scores[:, 0], scores[:, 1:], alpha).item() == pytest.approx(value)


def test_no_loss_overflows():
    z = torch.tensor([[200.0, -200.0]], requires_grad=True)
    rows, items = torch.tensor([0, 0]), torch.tensor([0, 1])
    for value in (logistic(z, rows, items), softmax(z, rows, items), bpr(z[:, 1], z[:, :1]),
                  sampled_logistic(z[:, 1], z[:, :1]), sampled_softmax(z[:, 1], z[:, :1])):
        z.grad = None
        value.backward(retain_graph=True)
        assert value.isfinite() and z.grad.isfinite().all()
    assert bpr(z[:, 1], z[:, :1]).item() == pytest.approx(400)


@pytest.mark.parametrize("name", ["lmf", "lfm"])
def test_a_logit_passes_one_sigmoid(name):
    """An item that n of U users took, scored by its bias alone: at the best z, (1 + α) n σ(z) − α n + (U − n) σ(z) = 0,
    so σ(z) = α n / (U + α n), 3/7 for 3 of 4 users. Through a second sigmoid, never below ½, z would run away."""
    taken = csr_matrix(np.array([[1.0, 0], [1, 0], [1, 0], [0, 1]], np.float32))
    model = model_class(name)(small.plain(taken), small.recipe(name, init_std=1e-9).params)
    bias = [p for key, p in model.named_parameters() if key in ("item_bias", "items.weight.weight")]
    batch, total = next(TakenBatches(taken, 4, 0).epoch(0))
    optimizer = torch.optim.Adam(bias, lr=0.1)
    for _ in range(200):
        optimizer.zero_grad()
        (summed(Logistic(), model(batch), batch, True) / total).backward()
        optimizer.step()
    assert torch.sigmoid(model(batch))[:, 0].tolist() == pytest.approx([3 / 7] * 4, abs=1e-3)


def test_pairs_and_blocks_give_one_loss():
    generator = torch.Generator().manual_seed(0)
    scores = torch.randn(5, 12, generator=generator)
    batch, _ = next(TakenBatches(TAKEN[:5], 5, 0, negatives=3).epoch(0))
    pairs = scores[batch.rows[:, None], torch.cat([batch.items[:, None], batch.negatives], 1)]
    for objective in (Ranking(negatives=3), Ranking(negatives=3, loss="bpr"), Logistic(negatives=3)):
        torch.testing.assert_close(summed(objective, scores, batch, True), summed(objective, pairs, batch, False))


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


def test_users_without_items_are_left_out_and_blocks_are_bounded():
    taken = csr_matrix(([1.0, 1.0], ([1, 3], [0, 2])), shape=(5, 3), dtype=np.float32)
    batch, total = next(TakenBatches(taken, 10, 0).epoch(0))
    assert batch.users.tolist() == [1, 3] and total == 2
    wide = csr_matrix((np.ones(6, np.float32), (np.arange(6), np.arange(6))), shape=(6, BLOCK_SCORES // 2))
    assert [len(b.users) for b, _ in TakenBatches(wide, 10, 0).epoch(0)] == [2, 2, 2]
    with pytest.raises(InputError, match="nothing to train on"):
        TakenBatches(csr_matrix((3, 3), dtype=np.float32), 10, 0)


@pytest.mark.parametrize("name", ["mf", "als"])
def test_the_best_epoch_is_kept_and_refitting_takes_so_many(name, tmp_path):
    how = small.recipe(name, epochs=6)
    found = fit_on(how, small.plain(TAKEN), TAKEN, validation=Validation(TAKEN, HIDDEN, 1))
    values = [row["valid_ndcg_at_10"] for row in found.curve]
    assert len(values) <= 6 and set(found.curve[0]) >= {"epoch", "valid_recall_at_10", "valid_ndcg_at_10"}
    tops = [row["valid_recall_at_10"] for row in found.curve]
    assert found.epochs == 1 + tops.index(max(tops))  # the first of equals
    refitted = fit_on(how.of_epochs(found.epochs), small.plain(TAKEN), TAKEN)
    assert refitted.epochs == found.epochs and not refitted.curve
    assert all(np.array_equal(refitted.state[key], found.state[key]) for key in found.state)
    save_model(tmp_path, name, how.params, small.plain(TAKEN), found.state, {"epochs": found.epochs})
    assert epochs(tmp_path) == found.epochs


def test_best_epoch_by_hand():
    curve = [{"epoch": e, "valid_recall_at_10": v} for e, v in ((1, 0.2), (2, 0.5), (3, 0.5), (4, 0.4))]
    assert best_epoch(curve, Stopping({"recall_at_10": 1.0}, 3, 1e-6)) == 2


def test_validation_by_hand():
    """Two of three users' hidden items are found, one in the second place."""
    taken = csr_matrix(np.array([[1, 1, 0, 0], [1, 0, 0, 1], [1, 1, 0, 0]], np.float32))
    hidden = csr_matrix(np.array([[0, 0, 0, 1], [0, 0, 1, 0], [0, 0, 0, 0]], np.float32))
    _, popular = small.trained("pop", taken)
    found = Validation(taken, hidden, 1).measure(popular)
    assert found == {"recall_at_10": 1.0, "ndcg_at_10": pytest.approx((1 + 1 / math.log2(3)) / 2)}
    assert Validation(taken, hidden, 1).measure(popular, 1)["ndcg_at_10"] == 1.0


def test_a_schedule_steps():
    how = small.recipe("mf", epochs=4)
    how = replace(how, training=replace(how.training, schedule="cosine", lr=0.1, lr_floor=0.0))
    found = fit_on(how, small.plain(TAKEN), TAKEN, validation=Validation(TAKEN, HIDDEN, 1))
    rates = [row["lr"] for row in found.curve]
    assert rates == sorted(rates, reverse=True) and rates[-1] < 0.01


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", ["mf", "fm", "deepfm", "als"])
def test_a_killed_run_ends_in_the_same_bytes(name, tmp_path, monkeypatch):
    how = small.recipe(name, epochs=4)
    monkeypatch.setenv("RANKPIPE_CHECKPOINT_SECONDS", "0")

    def run(folder, killed_after=None):
        checkpoints, saved = Checkpoints(tmp_path / folder, "mark"), Checkpoints.save
        count = iter(range(1, 1000))

        def save(self, tensors, state):
            saved(self, tensors, state)
            if next(count) == killed_after:
                raise Killed

        monkeypatch.setattr(Checkpoints, "save", save)
        try:
            return fit_on(how, small.with_fields(TAKEN), TAKEN, validation=Validation(TAKEN, HIDDEN, 1),
                          checkpoints=checkpoints)
        finally:
            monkeypatch.setattr(Checkpoints, "save", saved)

    whole = run("whole")
    for after in (1, 3):
        with pytest.raises(Killed):
            run(f"killed {after}", after)
        resumed = run(f"killed {after}")
        assert resumed.curve == whole.curve and resumed.epochs == whole.epochs
        assert all(resumed.state[key].tobytes() == whole.state[key].tobytes() for key in whole.state)


def test_lists_leave_out_what_was_seen_and_are_as_long_as_they_can_be(tmp_path):
    _, found = small.trained("ease", TAKEN)
    write_lists(tmp_path / "a.parquet", found, np.array([1, 4]), TAKEN, 10, 1)
    table = pq.read_table(tmp_path / "a.parquet")
    assert [str(t) for t in table.schema.types] == ["int32", "list<element: int32>", "list<element: float>"]
    rows = table.to_pylist()
    assert [row["user"] for row in rows] == [1, 4]
    for row in rows:
        assert len(row["items"]) == len(row["scores"]) == 12 - 5
        assert row["items"][0] == LEFT[row["user"]] and not TAKEN.toarray()[row["user"], row["items"]].any()
        assert row["scores"] == sorted(row["scores"], reverse=True)


def test_a_diverged_run_says_so():
    how = small.recipe("mf")
    how = replace(how, training=replace(how.training, optimizer="sgd", lr=1e30))
    with pytest.raises(InputError, match=r"the loss became|is NaN or infinite"):
        fit_on(how, small.plain(TAKEN), TAKEN, validation=Validation(TAKEN, HIDDEN, 1))


def test_a_config_is_plain_json(tmp_path):
    how = small.recipe("fm", epochs=1)
    inputs = small.with_fields(TAKEN)
    found = fit_on(how, inputs, TAKEN)
    save_model(tmp_path, "fm", how.params, inputs, found.state, {"epochs": 1})
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["inputs"]["item_fields"] == [["single", 5], ["many", 2989]] and config["model"] == "fm"
    assert scorer("fm", how.params, inputs, found.state, TAKEN).n_items == 12
