"""The training loop of all neural models: one CPU, one GPU, or several processes.

Every number that decides the result is a function of the parameters and of the position (epoch, step): the order of
rows, the random numbers of a step, the learning rate. So a checkpoint holds tensors and a few numbers, no generator's
state, and a run that was killed at any moment ends in the same bytes as one that was not.
"""

import math
import sys
from bisect import bisect_right
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from rankpipe import progress
from rankpipe.errors import InputError
from rankpipe.losses.l2 import L2
from rankpipe.training.averaging import Average
from rankpipe.training.batches import Batch, Batches
from rankpipe.training.checkpoint import Checkpoints
from rankpipe.training.determinism import deterministic, reseed
from rankpipe.training.devices import accelerator, end_tracker, resolve, start_tracker
from rankpipe.training.optimizers import optimizer, restore_state, set_lr, state_tensors
from rankpipe.training.params import Training
from rankpipe.training.schedules import Schedule, Stopping

Loss = Callable[[Any, Any], Tensor]
"""(output of the model, batch) → sum over rows."""
Evaluate = Callable[[nn.Module, torch.device], dict[str, float]]
"""The metrics of the valid split, the same on every process."""
SHOWN_EVERY = 20
"""Steps between looks at the loss, which on a GPU wait for it."""
AGREED_EVERY = 16
"""Updates between which several processes agree whether to write a checkpoint."""


@dataclass
class Result:
    """What training leaves."""

    best: dict[str, Tensor]
    """The weights of the best evaluation, on the CPU."""
    curve: list[dict[str, float]]
    """One row an evaluation: epoch, step, lr, train_loss and valid_<metric>."""
    main: bool = True
    """False on the processes that write nothing."""


@dataclass
class _Position:
    """Where a run stands; all but the tensors of a checkpoint."""

    epoch: int = 0
    step: int = 0
    """Batches done in this epoch."""
    updates: int = 0
    rows: int = 0
    """Rows since the last evaluation, over all processes."""
    finished: bool = False
    curve: list[dict[str, float]] = field(default_factory=list)


def fit(model: nn.Module, batches: Callable[[int, int], Batches], loss: Loss, evaluate: Evaluate,
        training: Training, *, monitor: dict[str, float], seed: int, threads: int, device: str = "auto",
        checkpoints: Checkpoints | None = None, name: str = "train") -> Result:
    """Trains ``model`` in place until the epochs are over or ``monitor`` stops gaining, and loads its best weights.

    Args:
        model: a pure module, on the CPU.
        batches: (rank, number of processes) → this process's batches.
        loss: the sum over rows; regularisers of ``training`` are added here.
        monitor: metric → weight, where ``training`` names none.
        checkpoints: where to go on from and to write to; None trains without.

    Raises:
        InputError: the loss is no number, the device isn't there, or ``training`` doesn't fit it.
    """
    deterministic(threads)
    # Beside the checkpoints, which go when training is over.
    folder = None if checkpoints is None else checkpoints.folder.parent / "trackers" / name
    run = accelerator(training, resolve(device), folder)
    start_tracker(run, training, name, asdict(training))
    stopping = Stopping(training.monitor or monitor, training.patience, training.min_gain)
    share = batches(run.process_index, run.num_processes)
    return _Run(run, model, share, loss, evaluate, training, stopping, seed, checkpoints, name).train()


class _Run:
    def __init__(self, run: Any, model: nn.Module, batches: Batches, loss: Loss, evaluate: Evaluate,
                 training: Training, stopping: Stopping, seed: int, checkpoints: Checkpoints | None, name: str):
        self.run, self.plain, self.batches, self.loss, self.evaluate = run, model, batches, loss, evaluate
        self.training, self.stopping, self.seed = training, stopping, seed
        self.checkpoints, self.name = checkpoints, name
        self.at = _Position()
        self.best: dict[str, Tensor] = {}
        steps = batches.steps
        if not steps:
            raise InputError("the train split is empty, nothing to train on; give it more rows in extract")
        per_epoch = min(training.evaluations_per_epoch, steps)
        self.evaluated_after = {-(-steps * (i + 1) // per_epoch) for i in range(per_epoch)}
        marks = sorted({*range(training.accumulate, steps, training.accumulate), *self.evaluated_after})
        # An update is made of ``accumulate`` batches, fewer before an evaluation.
        self.marks = [0, *marks]
        self.schedule = Schedule(training, training.epochs * len(marks))
        model.to(run.device)
        self.optimizer = optimizer(model, training)
        self.model, self.prepared = run.prepare(model, self.optimizer)
        self.l2 = L2(model, training.embedding_l2, training.net_l2)
        self.average = Average(model, training.average)
        self.parameters = list(model.parameters())
        self.loss_sum = torch.zeros((), dtype=torch.float64, device=run.device)

    def train(self) -> Result:
        self._resume()
        done = (self.at.epoch * self.batches.steps + self.at.step) * self.batches.batch_size
        rows, quiet = self.training.epochs * self.batches.rows, not self.run.is_main_process
        with progress.bar(rows, self.name, disable=quiet) as bar:
            bar.update(min(done, rows))
            while not self.at.finished:
                self._epoch(bar)
        self.plain.load_state_dict({k: v.to(self.run.device) for k, v in self.best.items()})
        end_tracker(self.run)
        return Result(self.best, self.at.curve, self.run.is_main_process)

    def _epoch(self, bar: Any) -> None:
        self.model.train()
        for batch, total in self.batches.epoch(self.at.epoch, self.at.step):
            mark = bisect_right(self.marks, self.at.step)
            last = self.at.step + 1 == self.marks[mark]
            self._backward(batch, total * (self.marks[mark] - self.marks[mark - 1]), last)
            self.at.step += 1
            self.at.rows += total
            bar.update(total)
            if self.at.step % SHOWN_EVERY == 0:
                self._show(bar)
            if last:
                self._update()
                if self.at.step in self.evaluated_after:
                    self._evaluate(bar)
                    self.model.train()
                elif self._due():
                    self._save()
            if self.at.finished:
                return

    def _backward(self, batch: Batch, total: int, last: bool) -> None:
        if self.run.device.type == "cuda":
            batch = batch.pinned().to(self.run.device)
        reseed(self.seed, self.at.epoch * self.batches.steps + self.at.step, self.run.process_index)
        with nullcontext() if last else self.run.no_sync(self.model):
            summed = self.loss(self.model(batch), batch)
            self.loss_sum += summed.detach()
            # Processes average their gradients, where the batch's mean wants their sum over ``total`` rows.
            self.run.backward(summed * (self.run.num_processes / total))

    def _update(self) -> None:
        self.run.unscale_gradients(self.prepared)
        self.l2.add_gradients()
        if self.training.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.parameters, self.training.clip_norm)
        set_lr(self.optimizer, self.schedule.lr(self.at.updates))
        self.prepared.step()
        self.prepared.zero_grad()
        self.average.update(self.at.updates)
        self.at.updates += 1

    def _evaluate(self, bar: Any) -> None:
        train_loss = self._train_loss(self.run.reduce(self.loss_sum, "sum").item())
        self.model.eval()
        with self.average.applied():
            metrics = self.evaluate(self.model, self.run.device)
            if gained := self.stopping.evaluated(metrics):
                self.best = {k: v.detach().to("cpu", copy=True) for k, v in self.plain.state_dict().items()}
        row = {"epoch": self.at.epoch + 1, "step": self.at.updates, "lr": self.schedule.lr(self.at.updates - 1),
               "train_loss": train_loss, **{f"valid_{k}": v for k, v in metrics.items()}}
        self.at.curve.append(row)
        self.run.log(row, step=self.at.updates)
        self.schedule.evaluated(gained)
        bar.set_postfix({"loss": f"{train_loss:.4f}", "best": f"{self.stopping.best:.4f}"}, refresh=True)
        self.at.rows = 0
        self.loss_sum.zero_()
        if self.at.step == self.batches.steps:
            self.at.epoch, self.at.step = self.at.epoch + 1, 0
        self.at.finished = self.stopping.stop or self.at.epoch == self.training.epochs
        self._save()

    def _train_loss(self, summed: float) -> float:
        if not math.isfinite(summed):
            lr = self.schedule.lr(self.at.updates)
            raise InputError(f"{self.name}: the loss became {summed} in epoch {self.at.epoch + 1}; "
                             f"lower lr (now {lr:g}) or clip_norm (now {self.training.clip_norm})")
        return summed / max(self.at.rows, 1)

    def _show(self, bar: Any) -> None:
        # Of several processes each knows its own share of the loss.
        mean = self._train_loss(self.loss_sum.item() * self.run.num_processes)
        best = "–" if self.stopping.best is None else f"{self.stopping.best:.4f}"
        bar.set_postfix({"loss": f"{mean:.4f}", "best": best}, refresh=False)

    def _due(self) -> bool:
        if self.checkpoints is None:
            return False
        if self.run.num_processes == 1:
            return self.checkpoints.due
        if self.at.updates % AGREED_EVERY:
            return False
        mine = torch.tensor(float(self.checkpoints.due and self.run.is_main_process), device=self.run.device)
        return bool(self.run.reduce(mine, "sum").item())

    def _save(self) -> None:
        if self.checkpoints is None:
            return
        loss_sum = self.run.reduce(self.loss_sum, "sum")
        self._train_loss(loss_sum.item())
        if not self.run.is_main_process:
            return
        parts = {"model": self.plain.state_dict(), "optimizer": state_tensors(self.plain, self.optimizer),
                 "average": self.average.state(), "best": self.best, "loss": {"sum": loss_sum}}
        scaler = None if self.run.scaler is None else self.run.scaler.state_dict()
        self.checkpoints.save({f"{part}/{k}": v for part, tensors in parts.items() for k, v in tensors.items()},
                              {"position": asdict(self.at), "schedule": self.schedule.state(),
                               "stopping": self.stopping.state(), "scaler": scaler})

    def _resume(self) -> None:
        found = None if self.checkpoints is None else self.checkpoints.load()
        if found is None:
            return
        tensors, state = found

        def part(name: str) -> dict[str, Tensor]:
            return {k.removeprefix(f"{name}/"): v for k, v in tensors.items() if k.startswith(f"{name}/")}

        self.plain.load_state_dict(part("model"))
        restore_state(self.plain, self.optimizer, part("optimizer"))
        self.average.restore(part("average"))
        self.best = part("best")
        if self.run.is_main_process:
            self.loss_sum.copy_(part("loss")["sum"])
        self.at = _Position(**state["position"])
        self.schedule.restore(state["schedule"])
        self.stopping.restore(state["stopping"])
        if self.run.scaler is not None and state["scaler"] is not None:
            self.run.scaler.load_state_dict(state["scaler"])
        if self.run.is_main_process:
            print(f"{self.name} goes on from its checkpoint: epoch {self.at.epoch + 1}, step {self.at.step}",
                  file=sys.stderr)
