"""Fits one model, neural or not, with or without a valid split: for train, and for a refit on all rows."""

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from rankpipe import progress
from rankpipe.cells import Curve
from rankpipe.metrics.topk import per_user
from rankpipe.topk.batches import Batch, TakenBatches
from rankpipe.topk.folding import fitted
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models import model_class
from rankpipe.topk.models.members import Members
from rankpipe.topk.objective import summed
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import FactorScorer, PairScorer, Scorer, factors_of, scorer
from rankpipe.topk.table import TRACK
from rankpipe.training.checkpoint import Checkpoints
from rankpipe.training.determinism import deterministic, reseed
from rankpipe.training.devices import resolve
from rankpipe.training.loop import fit
from rankpipe.training.params import Training
from rankpipe.training.schedules import Stopping
from rankpipe.training.settings import Machine, machine, model_params

MONITOR = {"recall_at_10": 1.0}
"""What training watches on valid where params.yaml names nothing."""
CUTOFF = 10


@dataclass(frozen=True)
class Recipe:
    """A model's part of params.yaml."""

    name: str
    params: Any
    training: Training
    machine: Machine

    @classmethod
    def read(cls, values: dict[str, Any], name: str) -> "Recipe":
        """``topk.models.<name>`` over ``topk.training``, of the whole of params.yaml.

        Raises:
            InputError: no such model; a parameter that is unknown, of the wrong type or out of range.
        """
        return cls(name, *model_params(values, TRACK, name, model_class(name)), machine(values))

    def of_epochs(self, epochs: int) -> "Recipe":
        """The same for a run of exactly so many epochs."""
        params = replace(self.params, epochs=epochs) if hasattr(self.params, "epochs") else self.params
        return replace(self, params=params, training=replace(self.training, epochs=epochs))

    def parts(self) -> dict[str, Any]:
        """All of it as plain values, for the fingerprint of checkpoints."""
        return {"model": self.name, "params": asdict(self.params), "training": asdict(self.training),
                **asdict(self.machine)}


class Validation:
    """The valid split as a measure of scorers, through the very path that recommends.

    Args:
        seen: (U, I), masked.
        hidden: (U, I), to be found; users without hidden items don't count.
    """

    def __init__(self, seen: csr_matrix, hidden: csr_matrix, threads: int):
        self.users, self.seen, self.hidden, self.threads = np.flatnonzero(np.diff(hidden.indptr)), seen, hidden, threads

    def measure(self, scorer: Scorer, users: int | None = None) -> dict[str, float]:
        """Metrics at the task's cutoff, or at the number of items where there are fewer.

        Args:
            users: at most so many, evenly spread over all; None takes all.
        """
        cutoff, some = min(CUTOFF, scorer.n_items), self.users[::-(-len(self.users) // (users or len(self.users)))]
        lists, _ = recommend(scorer, some, self.seen, cutoff, threads=self.threads)
        hidden = self.hidden[some]
        found = per_user(lists, hidden.indptr, hidden.indices, cutoff)
        return {"recall_at_10": float(found["recall_task"].mean()), "ndcg_at_10": float(found["ndcg"].mean())}


@dataclass
class Fitted:
    """What :func:`fit_on` leaves."""

    state: dict[str, np.ndarray]
    """For :func:`rankpipe.topk.scoring.save_model`."""
    curve: Curve
    """One record an evaluation: epoch, step, lr, train_loss, valid_<metric>; empty without validation."""
    epochs: int
    """After how many the kept weights were made."""
    main: bool = True
    """False on the processes that write nothing."""


def fit_on(recipe: Recipe, inputs: Inputs, taken: csr_matrix, *, history: csr_matrix | None = None,
           validation: Validation | None = None, checkpoints: Checkpoints | None = None, name: str = "train") -> Fitted:
    """Trains until the epochs are over or valid stops gaining; without ``validation`` to the last epoch.

    A run that was killed goes on from ``checkpoints`` and ends in the same bytes.

    Args:
        taken: (U, I), columns sorted within a row: what the model is trained on.
        history: (U, I) what is known of each user when valid is scored, ``taken`` where it isn't given.

    Raises:
        InputError: nothing to train on; the loss or a score is no number; the device isn't there.
    """
    history = taken if history is None else history
    run = _neural if model_class(recipe.name).neural else _plain
    with threadpool_limits(recipe.machine.threads, user_api="blas"):
        return run(recipe, inputs, taken, history, validation, checkpoints, name)


def _neural(recipe: Recipe, inputs: Inputs, taken: csr_matrix, history: csr_matrix, validation: Validation | None,
            checkpoints: Checkpoints | None, name: str) -> Fitted:
    own, params, training = recipe.machine, recipe.params, recipe.training
    model_type = model_class(recipe.name)
    deterministic(own.threads)
    reseed(own.seed, 0)
    model = model_type(inputs, params)
    if getattr(params, "members", 1) > 1:
        model = Members([model, *(model_type(inputs, params) for _ in range(params.members - 1))])
    trained = np.diff(taken.indptr) > 0

    def batches(rank: int, world: int) -> TakenBatches:
        return TakenBatches(taken, training.batch_size, own.seed, unit="users" if model.separable else "rows",
                            negatives=params.negatives, popularity=params.popularity,
                            user_weight=getattr(params, "user_weight", 0.0), rank=rank, world=world)

    def loss(scores: Tensor, batch: Batch) -> Tensor:
        return summed(params, scores, batch, model.separable)

    def evaluate(model: nn.Module, device: torch.device) -> dict[str, float]:
        model = getattr(model, "module", model)  # out of what spreads it over processes
        settle(model, trained)
        if validation is None:
            return {"none": 0.0}
        if model.separable and not (np.diff(history.indptr)[~trained] > 0).any():
            return validation.measure(FactorScorer(factors_of(model)))
        if model.separable:
            return validation.measure(scorer(recipe.name, params, inputs, state_of(model, taken), history))
        return validation.measure(PairScorer(model, recipe.name, inputs, device), params.valid_users)

    if validation is None:
        # Every evaluation gains, so that the last weights are kept and nothing stops early.
        training = replace(training, monitor={"none": 1.0}, min_gain=-1.0)
    result = fit(model, batches, loss, evaluate, training, monitor=MONITOR, seed=own.seed, threads=own.threads,
                 device=resolve(own.device), checkpoints=checkpoints, name=name)
    state = state_of(model.cpu(), taken)
    if validation is None:
        return Fitted(state, [], training.epochs, result.main)
    best = best_epoch(result.curve, Stopping(training.monitor or MONITOR, training.patience, training.min_gain))
    return Fitted(state, result.curve, best, result.main)


def _plain(recipe: Recipe, inputs: Inputs, taken: csr_matrix, history: csr_matrix, validation: Validation | None,
           checkpoints: Checkpoints | None, name: str) -> Fitted:
    params, training = recipe.params, recipe.training
    epochs = getattr(params, "epochs", 1)
    model = model_class(recipe.name)(inputs, params)
    stopping = Stopping(training.monitor or MONITOR, getattr(params, "patience", 1), training.min_gain)
    curve: Curve = []
    best = None
    found = None if checkpoints is None else checkpoints.load()
    if found is not None:
        tensors, stored = found
        arrays = {key: tensor.numpy() for key, tensor in tensors.items()}
        model.restore({k.removeprefix("now/"): v for k, v in arrays.items() if k.startswith("now/")})
        best = {k.removeprefix("best/"): v for k, v in arrays.items() if k.startswith("best/")}
        curve = stored["curve"]
        stopping.restore(stored["stopping"])
    iterations = model.fit(taken, recipe.machine.seed)
    done = stored["done"] if found is not None else 0
    with progress.bar(epochs, name, "iteration", initial=done) as bar:
        while done < epochs and not stopping.stop:
            next(iterations)
            done += 1
            bar.update(1)
            gained = True
            if validation is not None:
                metrics = validation.measure(scorer(recipe.name, params, inputs, state_of(model, taken), history))
                curve.append({"epoch": done, "step": done, **{f"valid_{k}": v for k, v in metrics.items()}})
                gained = stopping.evaluated(metrics)
            if gained:
                best = model.state()
            if checkpoints is not None and epochs > 1:
                parts = {"now": model.state(), "best": best}
                tensors = {f"{part}/{k}": v for part, state in parts.items() for k, v in state.items()}
                checkpoints.save(tensors, {"done": done, "curve": curve, "stopping": stopping.state()})
    model.restore(best)
    kept = best_epoch(curve, Stopping(stopping.monitor, stopping.patience, stopping.min_gain)) if curve else epochs
    return Fitted(state_of(model, taken), curve, kept)


def settle(model: nn.Module, trained: np.ndarray) -> None:
    """Gives users without rows the mean of the others' vectors, in place of the noise that they began with."""
    known = torch.from_numpy(trained)
    with torch.no_grad():
        for vectors in model.user_ids():
            vectors[~known.to(vectors.device)] = vectors[known.to(vectors.device)].mean(0)


def state_of(model: Any, taken: csr_matrix) -> dict[str, np.ndarray]:
    """Name → array of what a scorer of ``model``, trained on ``taken``, is made of."""
    trained = {"trained": (np.diff(taken.indptr) > 0).astype(np.uint8)}
    if not model.neural:
        return {**model.state(), **trained}
    if not model.separable:
        return {**{key: value.numpy(force=True) for key, value in model.state_dict().items()}, **trained}
    factors = factors_of(model)
    folding = fitted(taken, factors.users, factors.items)
    return {"users": factors.users, "items": factors.items, "item_bias": factors.item_bias,
            "folding": folding.weights, **trained}


def best_epoch(curve: Curve, stopping: Stopping) -> int:
    """The epoch that early stopping kept, by a fresh ``stopping``."""
    gained = [row["epoch"] for row in curve
              if stopping.evaluated({k.removeprefix("valid_"): v for k, v in row.items()})]
    return gained[-1]
