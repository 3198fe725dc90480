import importlib.util
import math

import pytest
import torch
from blocks import generated
from projects import SCHEMA
from torch import nn

from rankpipe.ctr import settings
from rankpipe.data.batches import TrainBatches
from rankpipe.data.encoders import Encoders, Features
from rankpipe.data.ragged import Batch
from rankpipe.errors import InputError
from rankpipe.losses.bce import bce
from rankpipe.losses.l2 import L2
from rankpipe.nn.embedding import NumericVectors
from rankpipe.params import block
from rankpipe.training.determinism import reseed
from rankpipe.training.devices import accelerator, resolve
from rankpipe.training.loop import Result, fit
from rankpipe.training.optimizers import optimizer
from rankpipe.training.params import Training
from rankpipe.training.schedules import Schedule, Stopping
from rankpipe.training.settings import Machine, machine


class Tiny(nn.Module):
    """Table, vectors of numerics, norm and matrix: one of each kind of parameter."""

    def __init__(self, inputs, dropout: float = 0.0):
        super().__init__()
        self.table = nn.Embedding(next(iter(inputs.categorical.values())), 3)
        self.numerics = NumericVectors(len(inputs.numeric), 3)
        self.norm = nn.LayerNorm(3)
        self.out = nn.Linear(3, 1)
        self.dropout = nn.Dropout(dropout)

    def forward(self, batch: Batch) -> torch.Tensor:
        e = self.table(batch.categorical[:, 0]) + self.numerics(batch.numeric).sum(1)
        return self.out(self.dropout(self.norm(e))).squeeze(1)


class Problem:
    def __init__(self, rows: int = 200, batch_size: int = 32, dropout: float = 0.0):
        self.table = generated(rows)
        encoders = Encoders.fit(self.table, SCHEMA, Features(), 4)
        self.encoder = encoders.for_dictionaries(self.table.dictionaries)
        self.whole = self.encoder.encode(self.table.columns)
        self.batch_size, self.metrics, self.digits = batch_size, iter(()), 9
        torch.manual_seed(0)
        self.model = Tiny(encoders.inputs, dropout)

    def batches(self, rank: int, world: int) -> TrainBatches:
        return TrainBatches(self.table, self.encoder, self.batch_size, 1, sequences=False, rank=rank, world=world)

    def evaluate(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        with torch.no_grad():
            mean = float(bce(model(self.whole), self.whole.labels) / len(self.whole))
        return {"logloss": mean, "auc": next(self.metrics, round(-mean, self.digits))}

    def fit(self, checkpoints=None, **training) -> Result:
        return fit(self.model, self.batches, lambda z, b: bce(z, b.labels), self.evaluate, Training(**training),
                   monitor={"auc": 1.0}, seed=5, threads=1, device="cpu", checkpoints=checkpoints)


def test_bce_by_hand():
    logits, labels = torch.tensor([0.0, 0.0, math.log(3)]), torch.tensor([1.0, 0.0, 1.0])
    # σ: ½, ½, ¾
    assert bce(logits, labels).item() == pytest.approx(2 * math.log(2) + math.log(4 / 3))
    assert bce(logits, labels, 5.0).item() == pytest.approx(6 * math.log(2) + 5 * math.log(4 / 3))
    assert bce(torch.zeros(0), torch.zeros(0)).item() == 0


def test_l2_gradients_equal_those_of_the_penalty():
    problem = Problem()
    model, batch = problem.model, problem.whole

    def gradients(penalty: bool) -> list[torch.Tensor]:
        model.zero_grad()
        loss = bce(model(batch), batch.labels)
        if penalty:
            tables = (model.table.weight**2).sum() + (model.numerics.weight**2).sum()
            loss = loss + 0.3 / 2 * tables + 0.02 / 2 * (model.out.weight**2).sum()
        loss.backward()
        if not penalty:
            L2(model, 0.3, 0.02).add_gradients()
        return [p.grad.clone() for p in model.parameters()]

    for added, derived in zip(gradients(False), gradients(True), strict=True):
        torch.testing.assert_close(added, derived)


def test_one_step_equals_adam_by_hand():
    problem = Problem(rows=32)
    before = problem.model.out.bias.item()
    bce(problem.model(problem.whole), problem.whole.labels).div(32).backward()
    sign = problem.model.out.bias.grad.sign().item()
    problem.model.zero_grad()
    problem.fit(epochs=1, lr=0.01)
    assert problem.model.out.bias.item() == pytest.approx(before - 0.01 * sign, abs=1e-6)  # Adam's first step is lr


def test_accumulated_batches_equal_one_large_batch():
    small, large = Problem(rows=128, batch_size=32), Problem(rows=128, batch_size=128)
    small.fit(epochs=1, accumulate=4, optimizer="sgd", lr=0.5)
    large.fit(epochs=1, optimizer="sgd", lr=0.5)
    for a, b in zip(small.model.parameters(), large.model.parameters(), strict=True):
        torch.testing.assert_close(a, b)


def test_clipping_bounds_the_step():
    problem = Problem(rows=32)
    before = [p.detach().clone() for p in problem.model.parameters()]
    problem.fit(epochs=1, optimizer="sgd", lr=1.0, clip_norm=0.001)
    moved = torch.cat([(p - b).flatten() for p, b in zip(problem.model.parameters(), before, strict=True)])
    assert moved.norm().item() == pytest.approx(0.001, rel=1e-3)


def test_averaged_weights_by_hand_while_the_optimiser_keeps_its_own():
    plain = [Problem(rows=32) for _ in range(2)]
    for updates, problem in enumerate(plain, 1):
        problem.fit(epochs=updates, optimizer="sgd", lr=0.5, schedule="constant")
    start, first, second = (p.model.out.bias.item() for p in (Problem(rows=32), *plain))
    averaged = Problem(rows=32)
    averaged.metrics = iter([0.1, 0.2])  # the last evaluation is the best
    averaged.fit(epochs=2, optimizer="sgd", lr=0.5, schedule="constant", average=0.15)
    mean = 0.1 * start + 0.9 * first  # after the first update (1 + 0) / (10 + 0) is kept, then 0.15 < 2 / 11
    assert averaged.model.out.bias.item() == pytest.approx(0.15 * mean + 0.85 * second, abs=1e-7)


def test_training_keeps_the_best_evaluation_and_stops_after_patience():
    problem = Problem()
    problem.metrics = iter([0.6, 0.7, 0.65, 0.7, 0.9])
    result = problem.fit(epochs=9, patience=2, schedule="constant", evaluations_per_epoch=2, lr=0.05)
    assert [row["valid_auc"] for row in result.curve] == [0.6, 0.7, 0.65, 0.7]  # an equal value is no gain
    assert [row["epoch"] for row in result.curve] == [1, 1, 2, 2]
    assert [row["step"] for row in result.curve] == [4, 7, 11, 14]
    best = problem.evaluate(problem.model, torch.device("cpu"))["logloss"]
    assert best == pytest.approx(result.curve[1]["valid_logloss"])
    assert list(result.curve[0]) == ["epoch", "step", "lr", "train_loss", "valid_logloss", "valid_auc"]


def test_the_train_loss_is_the_mean_over_rows():
    problem = Problem()
    expected = problem.evaluate(problem.model, torch.device("cpu"))["logloss"]
    row = problem.fit(epochs=1, optimizer="sgd", lr=1e-9).curve[0]
    assert row["train_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("kind, expected", [
    ("constant", [0.5, 1.0, 1.0, 1.0]), ("plateau", [0.5, 1.0, 1.0, 1.0]),
    ("linear", [0.5, 1.0, 1.0, 0.55]), ("cosine", [0.5, 1.0, 1.0, 0.55])])
def test_schedules_by_hand(kind, expected):
    schedule = Schedule(Training(lr=1.0, schedule=kind, warmup_steps=2, lr_floor=0.1), 6)
    assert [schedule.lr(s) for s in (0, 1, 2, 4)] == pytest.approx(expected)


def test_a_plateau_cuts_the_rate_down_to_the_floor():
    schedule = Schedule(Training(lr=1.0, plateau_factor=0.1, plateau_patience=1, lr_floor=0.05), 100)
    rates = []
    for gained in (True, False, False, False, True, False, False):
        schedule.evaluated(gained)
        rates.append(schedule.lr(50))
    assert rates == pytest.approx([1, 1, 0.1, 0.1, 0.1, 0.1, 0.05])


def test_stopping_weighs_metrics():
    stopping = Stopping({"auc": 1.0, "logloss": -2.0}, 1, 0.01)
    assert stopping.evaluated({"auc": 0.7, "logloss": 0.3})
    assert not stopping.evaluated({"auc": 0.705, "logloss": 0.3})  # a gain of .005 is none
    assert stopping.stop
    with pytest.raises(InputError, match="no such metric; did you mean 'auc'"):
        Stopping({"acu": 1.0}, 1, 0).evaluated({"auc": 0.5, "logloss": 0.1})


def test_weight_decay_spares_tables_and_vectors():
    model = Problem().model
    groups = optimizer(model, Training(optimizer="adamw", weight_decay=0.1)).param_groups
    decayed = [p for g in groups if g["weight_decay"] for p in g["params"]]
    assert len(decayed) == 1 and decayed[0] is model.out.weight
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))


def test_same_seed_same_bytes_and_dropout_draws_by_step():
    runs = []
    for _ in range(2):
        problem = Problem(dropout=0.5)
        problem.fit(epochs=2)
        runs.append([p.detach().numpy().tobytes() for p in problem.model.parameters()])
    assert runs[0] == runs[1]
    draws = set()
    for seed, step, rank in ((1, 0, 0), (1, 1, 0), (2, 0, 0), (1, 0, 1)):
        reseed(seed, step, rank)
        draws.add(torch.rand(1).item())
    assert len(draws) == 4


def test_bfloat16_trains_close_to_float32():
    losses = []
    for precision in ("fp32", "bf16"):
        problem = Problem()
        losses.append(problem.fit(epochs=3, precision=precision, lr=0.01).curve[-1]["valid_logloss"])
        assert problem.model.out.weight.dtype == torch.float32
    assert losses[0] != losses[1] and losses[0] == pytest.approx(losses[1], abs=0.02)


def test_a_loss_that_is_no_number_says_what_to_change():
    problem = Problem()
    with torch.no_grad():
        problem.model.out.weight.fill_(float("nan"))
    with pytest.raises(InputError, match=r"loss became nan in epoch 1; lower lr \(now 0.001\) or clip_norm"):
        problem.fit(epochs=1)


def test_an_empty_train_split_is_refused():
    problem = Problem()
    problem.table.columns = problem.table.read(0, 0)
    with pytest.raises(InputError, match="train split is empty"):
        problem.fit()


def test_devices_and_precisions_that_are_not_there():
    with pytest.raises(InputError, match="device: 'gpu' is not a choice"):
        resolve("gpu")
    with pytest.raises(InputError, match="fp16 needs a GPU"):
        accelerator(Training(precision="fp16"), "cpu")
    if importlib.util.find_spec("wandb") is None:
        with pytest.raises(InputError, match="wandb isn't installed; pip install wandb"):
            accelerator(Training(tracker="wandb"), "cpu")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="no GPU"):
            resolve("cuda")


VALUES = {"seed": 1, "threads": 1, "device": "cpu", "ctr": {
    "training": {"epochs": 4, "lr": 0.01}, "models": {"feseq": {"lr": 0.5, "dropout": 0.2}, "lightgbm": {}}}}


def changed(**models) -> dict:
    return {**VALUES, "ctr": {**VALUES["ctr"], "models": {**VALUES["ctr"]["models"], **models}}}


def test_a_models_block_overrides_the_tracks():
    params, training = settings.model_params(VALUES, "feseq")
    assert (training.epochs, training.lr, params.dropout) == (4, 0.5, 0.2)
    assert machine(VALUES) == Machine(1, 1, "cpu")


@pytest.mark.parametrize("block_, message", [
    ({"lrr": 1}, r"ctr\.models\.feseq\.lrr: unknown parameter; did you mean 'lr'\?"),
    ({"lr": -1}, r"ctr\.models\.feseq\.lr: -1.0 is out of range; it must be > 0"),
    ({"lr": "fast"}, r"ctr\.models\.feseq\.lr: expected a number"),
    ({"dropout": 1.5}, r"ctr\.models\.feseq\.dropout: 1.5 is out of range"),
    ({"weight_decay": 0.1}, r"ctr\.models\.feseq: weight_decay is adamw's"),
    ([1], r"ctr\.models\.feseq: expected keys"),
])
def test_bad_model_parameters_are_one_clear_line(block_, message):
    with pytest.raises(InputError, match=message) as caught:
        settings.model_params(changed(feseq=block_), "feseq")
    assert "\n" not in str(caught.value)


def test_unknown_models_are_named():
    with pytest.raises(InputError, match=r"ctr\.models\.fesek: no such model; did you mean 'feseq'"):
        settings.model_params(changed(fesek={}), "fesek")
    with pytest.raises(InputError, match=r"no key 'ctr.models.lr'"):
        settings.model_params(VALUES, "lr")
    with pytest.raises(InputError, match=r"top level\.threads: 0 is out of range"):
        machine({**VALUES, "threads": 0})
    with pytest.raises(InputError, match="monitor is empty"):
        block(Training, {"monitor": {}}, "x")
