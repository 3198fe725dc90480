"""Fits one model on examples: the part of training that knows no files, for the train stage and for benchmarks."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import nn

from rankpipe import progress
from rankpipe.cells import Curve
from rankpipe.errors import InputError
from rankpipe.fusion import scoring
from rankpipe.fusion.batches import Examples, SlateBatches
from rankpipe.fusion.inputs import TRACK
from rankpipe.fusion.models import model_class
from rankpipe.fusion.objective import objective
from rankpipe.metrics.slates import ndcg
from rankpipe.training.checkpoint import Checkpoints
from rankpipe.training.determinism import deterministic, reseed
from rankpipe.training.devices import processes, resolve
from rankpipe.training.loop import fit
from rankpipe.training.params import Training
from rankpipe.training.settings import Machine, machine, model_params

CUTOFFS = (5, 10)
"""Of the nDCG that training reports on valid."""
MONITOR = {"ndcg_at_10": 1.0}
"""What training watches where params.yaml names nothing."""
ALL = {"epochs": 1.0}
"""What it watches without valid."""


@dataclass(frozen=True)
class Recipe:
    """Everything but the data that decides a trained model."""

    model: str
    params: Any
    training: Training
    machine: Machine

    @classmethod
    def read(cls, values: dict[str, Any], model: str) -> "Recipe":
        """``fusion.models.<model>`` over ``fusion.training``, from the whole of params.yaml.

        Raises:
            InputError: an unknown model or a bad parameter.
        """
        return cls(model, *model_params(values, TRACK, model, model_class(model)), machine(values))

    def parts(self) -> dict[str, Any]:
        """As plain values, for a fingerprint."""
        return {"model": self.model, "params": asdict(self.params), "training": asdict(self.training),
                **asdict(self.machine)}


@dataclass(frozen=True)
class Fitted:
    model: Any
    curve: Curve
    main: bool
    """False on the processes that write nothing."""


def fit_on(recipe: Recipe, train: Examples, valid: Examples | None, checkpoints: Checkpoints | None = None,
           name: str = "train", quiet: bool = False) -> Fitted:
    """Fits the model of ``recipe`` on ``train``.

    Args:
        valid: judges every epoch, and stops training; None trains for all epochs (or rounds) and keeps the last, and
            takes no checkpoints.
        checkpoints: where a net goes on from after it was killed; the others take seconds and start over.

    Raises:
        InputError: an empty split, a loss that is no number, a model that doesn't fit the data.
    """
    for split, of in (("train", train), ("valid", valid)):
        if of is not None and not len(of):
            raise InputError(f"the {split} split has no queries; give it some in fusion.extract")
    if getattr(recipe.params, "shuffle_labels", False):
        # Valid too: of forty epochs of noise, the one that pleases true grades best is better than chance.
        train, valid = (None if of is None else of.shuffled(recipe.machine.seed) for of in (train, valid))
    kind = model_class(recipe.model)
    deterministic(recipe.machine.threads)
    if kind.neural:
        return _net(recipe, kind, train, valid, checkpoints, name)
    curve: Curve = []
    with progress.bar(None, name, "step", disable=quiet) as bar:
        def report(step: int, metrics: dict[str, float]) -> None:
            bar.update(1)
            curve.append({"epoch": step, "step": step, **{f"valid_{k}": v for k, v in metrics.items()}})

        model = kind(train.inputs, recipe.params).fit(train, valid, recipe.machine.seed, recipe.machine.threads, report)
    return Fitted(model, curve, not processes(resolve(recipe.machine.device))[0])


def _net(recipe: Recipe, kind: type, train: Examples, valid: Examples | None, checkpoints: Checkpoints | None,
         name: str) -> Fitted:
    reseed(recipe.machine.seed, 0)
    model, training = kind(train.inputs, recipe.params), recipe.training
    model.prepare(train.features, train.slates.lengths)

    def batches(rank: int, world: int) -> SlateBatches:
        return SlateBatches(train, training.batch_size, recipe.machine.seed, rank, world)

    evaluate, monitor = (_Epochs(), ALL) if valid is None else (_Validation(recipe.model, valid), MONITOR)
    if valid is None:
        training = replace(training, monitor=None)
    result = fit(model, batches, objective(recipe.params), evaluate, training, monitor=monitor,
                 seed=recipe.machine.seed, threads=recipe.machine.threads, device=resolve(recipe.machine.device),
                 checkpoints=checkpoints, name=name)
    return Fitted(model, result.curve, result.main)


class _Validation:
    """nDCG on valid. Every process does all of it: valid is small."""

    def __init__(self, name: str, valid: Examples):
        self.name, self.valid, self.batches = name, valid, list(valid.in_order())

    def __call__(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        scorer, slates = scoring.NeuralScorer(self.name, model, self.valid.inputs, device), self.valid.slates
        scores = np.concatenate([scorer.scores(batch) for batch in self.batches])
        if not np.isfinite(scores).all():
            raise InputError(f"{self.name}: scores on valid are no numbers; lower lr or clip_norm")
        return {f"ndcg_at_{k}": ndcg(slates.offsets, scores, slates.candidates, slates.grades, k) for k in CUTOFFS}


class _Epochs:
    """Without valid every epoch is better than the one before: the last is kept."""

    def __init__(self) -> None:
        self.done = 0

    def __call__(self, model: nn.Module, device: torch.device) -> dict[str, float]:
        self.done += 1
        return {"epochs": float(self.done)}
