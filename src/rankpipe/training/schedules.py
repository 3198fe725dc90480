"""The learning rate at each step, and when training stops. Both are plain numbers, stored as JSON in checkpoints."""

import math
from typing import Any

from rankpipe.errors import InputError, nearest
from rankpipe.training.params import Training


class Schedule:
    """Learning rate by step: warm-up from 0, then constant, cut on plateaus, or falling to ``lr_floor``."""

    def __init__(self, training: Training, steps: int):
        self.training, self.steps = training, steps
        self.floor = min(training.lr_floor, training.lr)
        self.cuts = 0
        self.waited = 0

    def lr(self, step: int) -> float:
        """For optimiser step ``step`` from 0 to ``steps`` − 1."""
        t = self.training
        if step < t.warmup_steps:
            return t.lr * (step + 1) / t.warmup_steps
        done = min((step - t.warmup_steps) / max(self.steps - t.warmup_steps, 1), 1.0)
        if t.schedule == "cosine":
            return self.floor + (t.lr - self.floor) * (1 + math.cos(math.pi * done)) / 2
        if t.schedule == "linear":
            return self.floor + (t.lr - self.floor) * (1 - done)
        return max(t.lr * t.plateau_factor**self.cuts, self.floor)

    def evaluated(self, gained: bool) -> None:
        """Tells of an evaluation; on a plateau the rate is cut after ``plateau_patience`` more without a gain."""
        self.waited = 0 if gained else self.waited + 1
        if self.training.schedule == "plateau" and self.waited > self.training.plateau_patience:
            self.cuts, self.waited = self.cuts + 1, 0

    def state(self) -> dict[str, Any]:
        return {"cuts": self.cuts, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.cuts, self.waited = state["cuts"], state["waited"]


class Stopping:
    """Early stopping on a weighted sum of metrics, greater is better."""

    def __init__(self, monitor: dict[str, float], patience: int, min_gain: float):
        self.monitor, self.patience, self.min_gain = monitor, patience, min_gain
        self.best: float | None = None
        self.waited = 0

    def value(self, metrics: dict[str, float]) -> float:
        """Raises:
            InputError: the monitor names a metric that isn't measured.
        """
        for name in self.monitor:
            if name not in metrics:
                raise InputError(f"params.yaml: training.monitor.{name}: no such metric; {nearest(name, metrics)}")
        return sum(weight * metrics[name] for name, weight in self.monitor.items())

    def evaluated(self, metrics: dict[str, float]) -> bool:
        """True where this evaluation is the best so far, by ``min_gain`` at least."""
        value = self.value(metrics)
        gained = self.best is None or value > self.best + self.min_gain
        if gained:
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        return gained

    @property
    def stop(self) -> bool:
        return self.waited >= self.patience

    def state(self) -> dict[str, Any]:
        return {"best": self.best, "waited": self.waited}

    def restore(self, state: dict[str, Any]) -> None:
        self.best, self.waited = state["best"], state["waited"]
