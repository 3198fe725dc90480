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
from rankpipe.topk.batches import TakenBatches
from rankpipe.topk.fitting import Validation, best_epoch, fit_on
from rankpipe.topk.models import model_class
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


def test_rows_weigh_in_the_ranking_losses_what_they_are_given():
    scores, weights = torch.tensor([[LN3, 0.0, 0.0], [0.0, 0.0, 0.0]]), torch.tensor([2.0, 0.5])
    rows, items = torch.tensor([0, 1]), torch.tensor([0, 1])
    assert softmax(scores, rows, items, weights).item() == pytest.approx(2 * math.log(5 / 3) + LN3 / 2)
    positive, negatives = torch.tensor([LN3, 0.0]), torch.zeros(2, 2)
    assert bpr(positive, negatives, weights).item() == pytest.approx(2 * math.log(4 / 3) + LN2 / 2)
    assert sampled_softmax(positive, negatives, weights).item() == pytest.approx(2 * math.log(5 / 3) + LN3 / 2)


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


@pytest.mark.parametrize("name", ["mf", "deepfm"])
def test_user_weight_reaches_the_loss(name):
    taken = TAKEN.tolil()
    taken[::2, 4:] = 0
    taken = taken.tocsr()
    one, other = (small.trained(name, taken, epochs=1, user_weight=w)[1].block(np.arange(24)) for w in (0.0, 0.9))
    assert not np.allclose(one, other)


@pytest.mark.parametrize("name", ["mf", "lmf", "fm", "lfm"])
def test_members_train_as_if_alone_and_count_in_the_mean(name):
    inputs = small.with_fields(TAKEN)
    (_, alone), (_, pair) = (small.trained(name, TAKEN, inputs, epochs=3, members=m) for m in (1, 2))
    one, two = alone.factors, pair.factors
    width = one.users.shape[1]
    assert two.users.shape[1] == 2 * width
    assert np.array_equal(two.users[:, :width] * 2, one.users) and np.array_equal(two.items[:, :width], one.items)
    assert not np.allclose(two.users[:, width:] * 2, one.users)
    second = two.users[:, width:] @ two.items[:, width:].T * 2 + 2 * two.item_bias - one.item_bias
    np.testing.assert_allclose(pair.block(np.arange(24)), (alone.block(np.arange(24)) + second) / 2, atol=1e-5)


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
