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
from rankpipe.ctr import scoring, settings
from rankpipe.ctr.models import model_class
from rankpipe.data import ranks  # noqa: F401  loaded late by scalers, and part of the checkpoints' fingerprint
from rankpipe.data.batches import TrainBatches, sequential
from rankpipe.data.encoders import FILE, Encoders
from rankpipe.data.ragged import Batch
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.h5 import ColumnsReader
from rankpipe.losses.bce import bce
from rankpipe.metrics.probability import logloss
from rankpipe.metrics.ranking import auc, average_precision
from rankpipe.training.checkpoint import Checkpoints, fingerprint
from rankpipe.training.determinism import deterministic, reseed
from rankpipe.training.devices import processes, resolve
from rankpipe.training.loop import fit
from rankpipe.training.settings import machine


def train(size: str, model: str) -> None:
    """Writes ``build/<size>/ctr/models/<model>`` (weights and config) and ``…/scores/<model>`` (valid, test, curve).

    Killed and started again it goes on from its last checkpoint under ``.scratch`` and ends in the same bytes.

    Raises:
        InputError: a missing or damaged input, a bad parameter, a split without both classes, a loss that is no number.
    """
    cell = Cell(size, model, parameters.load())
    trained, curve = (cell.neural if cell.type.neural else cell.trees)()
    if processes(cell.device)[0]:
        return  # one process writes for all
    with atomic_folder(paths.model(size, settings.TRACK, model)) as weights, \
            atomic_folder(paths.model_scores(size, settings.TRACK, model)) as out:
        about = {"training": asdict(cell.training) if cell.type.neural else {}, "seed": cell.machine.seed,
                 "threads": cell.machine.threads}
        scoring.save_model(weights, model, trained, cell.params, cell.encoders.inputs, about)
        scorer = scoring.load_model(weights, cell.device)
        for split in ("valid", "test"):
            write_scores(out / f"{split}.parquet", scorer, cell.tables[split], cell.encoders)
        write_curve(out / CURVE, curve, ("valid_auc", "valid_logloss"))
    cell.checkpoints.remove()


class Cell:
    """One model at one size: its parameters, encoders and tables."""

    def __init__(self, size: str, model: str, values: dict[str, Any]):
        self.name = f"train-{settings.TRACK}@{size}-{model}"
        self.machine = machine(values)
        self.params, self.training = settings.model_params(values, model)
        self.type = model_class(model)
        self.encoders = Encoders.load(paths.features(size, settings.TRACK))
        self.tables = {s: ColumnsReader(paths.split(size, settings.TRACK, s)) for s in ("train", "valid", "test")}
        for split, table in self.tables.items():
            if not len(table):
                raise InputError(f"{table.path}: the {split} split is empty; give it rows in ctr.extract")
        self.labels = self.tables["valid"].labels()
        if len(np.unique(self.labels)) < 2:
            raise InputError(f"{self.tables['valid'].path}: all labels are {self.labels[0]:g}, so nothing can be "
                             "judged on valid; give it more rows in ctr.extract")
        self.sequences = scoring.reads_sequences(self.type, self.params, self.encoders.inputs)
        self.device = resolve(self.machine.device)
        features = paths.features(size, settings.TRACK) / FILE
        mark = fingerprint(
            {"model": model, "params": asdict(self.params), "training": asdict(self.training), **asdict(self.machine),
             "device": self.device, "processes": processes(self.device)[1]},
            [features, *(self.tables[s].path for s in ("train", "valid"))])
        self.checkpoints = Checkpoints(paths.scratch(self.name), mark)

    def neural(self) -> tuple[nn.Module, Curve]:
        deterministic(self.machine.threads)
        reseed(self.machine.seed, 0)
        model = self.type(self.encoders.inputs, self.params)
        encoder = self.encoders.for_dictionaries(self.tables["train"].dictionaries)

        def batches(rank: int, world: int) -> TrainBatches:
            return TrainBatches(self.tables["train"], encoder, self.training.batch_size, self.machine.seed,
                                sequences=self.sequences, rank=rank, world=world)

        def loss(logits: torch.Tensor, batch: Batch) -> torch.Tensor:
            return bce(logits, batch.labels, self.training.positive_weight)

        result = fit(model, batches, loss, self.evaluation(), self.training, monitor=settings.MONITOR,
                     seed=self.machine.seed, threads=self.machine.threads, device=self.device,
                     checkpoints=self.checkpoints, name=self.name)
        return model, result.curve

    def trees(self) -> tuple[Any, Curve]:
        curve: Curve = []
        with progress.bar(getattr(self.params, "rounds", None), self.name, "round") as bar:
            def report(step: int, metrics: dict[str, float]) -> None:
                bar.update(1)
                named = {f"valid_{k.removeprefix('binary_')}": v for k, v in metrics.items()}
                curve.append({"epoch": step, "step": step, **named})

            model = self.type(self.encoders.inputs, self.params).fit(
                self.blocks("train"), self.blocks("valid"), self.machine.seed, self.machine.threads, report)
        return model, curve

    def blocks(self, split: str) -> Callable[[], Iterator[Batch]]:
        """Reads a split from its first row on, without sequences."""
        table = self.tables[split]
        encoder = self.encoders.for_dictionaries(table.dictionaries)
        return lambda: sequential(table, encoder, 8192, sequences=False)

    def evaluation(self) -> Callable[[nn.Module, torch.device], dict[str, float]]:
        """A function that scores valid, each process its share of it, and measures the whole."""
        encoder = self.encoders.for_dictionaries(self.tables["valid"].dictionaries)
        rank, world = processes(self.device)

        def evaluate(model: nn.Module, device: torch.device) -> dict[str, float]:
            scorer = scoring.NeuralScorer(model, self.encoders.inputs, self.sequences, device)
            found = torch.zeros(len(self.labels))
            for rows, probabilities in scoring.scores(scorer, self.tables["valid"], encoder, rank=rank, world=world):
                found[torch.from_numpy(rows)] = torch.from_numpy(probabilities)
            if world > 1:
                found = found.to(device)
                torch.distributed.all_reduce(found)
            p = found.cpu().numpy()
            return {"auc": auc(self.labels, p), "average_precision": average_precision(self.labels, p),
                    "logloss": logloss(self.labels, p)}

        return evaluate


SCORES = pa.schema([("row", pa.int64()), ("label", pa.float32()), ("probability", pa.float32())])


def write_scores(path: Path, scorer: scoring.Scorer, table: ColumnsReader, encoders: Encoders) -> None:
    """One line a row of ``table``, in its order: position in the raw file, label, probability."""
    found = np.zeros(len(table), np.float32)
    with progress.bar(len(table), f"score {path.stem}") as bar:
        for rows, probabilities in scoring.scores(scorer, table, encoders.for_dictionaries(table.dictionaries)):
            found[rows] = probabilities
            bar.update(len(rows))
    pq.write_table(pa.table([table.positions(), table.labels(), found], schema=SCORES), path)
