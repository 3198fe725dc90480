"""Trains one model and scores valid and test with what it saved."""

from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch import nn

from rankpipe import params as parameters
from rankpipe import paths, progress
from rankpipe.cells import CURVE, Curve, write_curve
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.losses.mse import mse
from rankpipe.rating import scoring, table
from rankpipe.rating.batches import RatingBatches, sequential
from rankpipe.rating.inputs import Batch
from rankpipe.rating.models import model_class
from rankpipe.rating.models.rows import Rows, rmse
from rankpipe.rating.profiles import ABOUT, TABLES, Profiles
from rankpipe.rating.table import TRACK, Ratings
from rankpipe.training.checkpoint import Checkpoints, fingerprint
from rankpipe.training.determinism import deterministic, reseed
from rankpipe.training.devices import processes, resolve
from rankpipe.training.loop import fit
from rankpipe.training.settings import machine, model_params

MONITOR = {"rmse": -1.0}
"""What training watches on valid where params.yaml names nothing."""
KEPT_BYTES = 128 << 20
"""Of valid's profiles, kept between epochs; a larger split is put together anew each time."""
SCORES = pa.schema([("row", pa.int64()), ("label", pa.float32()), ("rating", pa.float32())])


def train(size: str, model: str) -> None:
    """Writes ``build/<size>/rating/models/<model>`` (weights and config) and ``…/scores/<model>`` (valid, test, curve).

    A net that is killed and started again goes on from its last checkpoint under ``.scratch`` and ends in the same
    bytes; the other models take seconds and start over.

    Raises:
        InputError: a missing or damaged input, a bad parameter, an empty split, a loss that is no number.
    """
    cell = Cell(size, model, parameters.load())
    trained, curve = (cell.neural if cell.type.neural else cell.plain)()
    if processes(cell.device)[0]:
        return  # one process writes for all
    with atomic_folder(paths.model(size, TRACK, model)) as weights, \
            atomic_folder(paths.model_scores(size, TRACK, model)) as out:
        about = {"training": asdict(cell.training) if cell.type.neural else {}, "seed": cell.machine.seed,
                 "threads": cell.machine.threads}
        scoring.save_model(weights, model, trained, cell.params, cell.profiles.inputs, about)
        scorer = scoring.load_model(weights, cell.device)
        for split in ("valid", "test"):
            write_scores(out / f"{split}.parquet", scorer, cell.profiles, cell.splits[split])
        write_curve(out / CURVE, curve, ("valid_rmse",))
    cell.checkpoints.remove()


class Cell:
    """One model at one size: its parameters, profiles and splits."""

    def __init__(self, size: str, model: str, values: dict[str, Any]):
        self.name = f"train-{TRACK}@{size}-{model}"
        self.machine = machine(values)
        self.type = model_class(model)
        self.params, self.training = model_params(values, TRACK, model, self.type)
        features = paths.features(size, TRACK)
        self.profiles = Profiles.load(features)
        self.splits = {split: table.read(size, split) for split in table.SPLITS}
        for split, rows in self.splits.items():
            if not len(rows):
                raise InputError(f"{paths.split(size, TRACK, split)}: the {split} split is empty; give it rows in "
                                 "rating.extract")
        self.device = resolve(self.machine.device)
        mark = fingerprint(
            {"model": model, "params": asdict(self.params), "training": asdict(self.training), **asdict(self.machine),
             "device": self.device, "processes": processes(self.device)[1]},
            [features / ABOUT, features / TABLES, *(paths.split(size, TRACK, s) for s in ("train", "valid"))])
        self.checkpoints = Checkpoints(paths.scratch(self.name), mark)

    def neural(self) -> tuple[nn.Module, Curve]:
        deterministic(self.machine.threads)
        reseed(self.machine.seed, 0)
        model = self.type(self.profiles.inputs, self.params)

        def batches(rank: int, world: int) -> RatingBatches:
            return RatingBatches(self.profiles, self.splits["train"], self.training.batch_size, self.machine.seed,
                                 rank, world)

        def loss(predicted: torch.Tensor, batch: Batch) -> torch.Tensor:
            return mse(predicted, batch.ratings)

        result = fit(model, batches, loss, self.evaluation(), self.training, monitor=MONITOR, seed=self.machine.seed,
                     threads=self.machine.threads, device=self.device, checkpoints=self.checkpoints, name=self.name)
        return model, result.curve

    def evaluation(self) -> Callable[[nn.Module, torch.device], dict[str, float]]:
        """A function that scores valid and measures it. Every process does all of it: valid is small."""
        valid = self.splits["valid"]
        kept = None
        if 4 * len(valid) * self.profiles.inputs.width <= KEPT_BYTES:
            kept = list(sequential(self.profiles, valid, scoring.BATCH_ROWS))

        def evaluate(model: nn.Module, device: torch.device) -> dict[str, float]:
            scorer = scoring.NeuralScorer(model, self.profiles.inputs, device)
            batches = kept or sequential(self.profiles, valid, scoring.BATCH_ROWS)
            return {"rmse": rmse(np.concatenate([scorer.ratings(batch) for batch in batches]), valid.ratings)}

        return evaluate

    def plain(self) -> tuple[Any, Curve]:
        deterministic(self.machine.threads)
        curve: Curve = []
        with progress.bar(None, self.name, "step") as bar:
            def report(step: int, metrics: dict[str, float]) -> None:
                bar.update(1)
                curve.append({"epoch": step, "step": step, **{f"valid_{k}": v for k, v in metrics.items()}})

            model = self.type(self.profiles.inputs, self.params).fit(
                self.rows("train"), self.rows("valid"), self.machine.seed, self.machine.threads, report)
        return model, curve

    def rows(self, split: str) -> Rows:
        """A split for the models that aren't modules."""
        of, inputs = self.splits[split], self.profiles.inputs

        def batches() -> Iterator[Batch]:
            return sequential(self.profiles, of, scoring.BATCH_ROWS, train=split == "train")

        return Rows(known(of.users, inputs.n_users), known(of.items, inputs.n_items), of.ratings, batches)


def known(codes: np.ndarray, count: int) -> np.ndarray:
    """(n,) int64; −1 becomes ``count``, the unknown one's code in models."""
    return np.where(codes < 0, count, codes).astype(np.int64)


def write_scores(path: Path, scorer: scoring.Scorer, profiles: Profiles, of: Ratings) -> None:
    """One line a row of the split, in its order: position in the raw file, rating given, rating predicted."""
    found = []
    with progress.bar(len(of), f"score {path.stem}") as bar:
        for batch in sequential(profiles, of, scoring.BATCH_ROWS):
            found.append(scorer.ratings(batch))
            bar.update(len(batch))
    pq.write_table(pa.table([of.rows, of.ratings, np.concatenate(found)], schema=SCORES), path)
