"""Training or prediction with one of our models, timed: ``timed_training.py SETTINGS.json`` in a workspace.

Settings: ``size``, ``model``, ``params`` (its block), ``task`` (train or predict), ``batch_size``, ``rows``. What runs
is the pipeline's own path: H5, encoders, batches, training loop or scorer. After a run over a few batches to warm up,
the clock takes one whole epoch of ``rows`` rows, reading and encoding them included.
Prints one JSON line: rows, seconds.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from rankpipe import paths
from rankpipe.ctr import scoring
from rankpipe.ctr.models import model_class
from rankpipe.data.batches import TrainBatches
from rankpipe.data.columns import Columns
from rankpipe.data.encoders import Encoders
from rankpipe.data.encoding import Encoder
from rankpipe.io.h5 import ColumnsReader
from rankpipe.losses.bce import bce
from rankpipe.params import block
from rankpipe.training.determinism import deterministic
from rankpipe.training.loop import fit
from rankpipe.training.params import Training

WARM_BATCHES = 2


class First:
    """The first ``rows`` rows of a table."""

    def __init__(self, reader: ColumnsReader, rows: int):
        self.reader, self.rows, self.dictionaries = reader, min(rows, len(reader)), reader.dictionaries

    def __len__(self) -> int:
        return self.rows

    def read(self, start: int, stop: int, sequences: bool = True) -> Columns:
        return self.reader.read(start, min(stop, self.rows), sequences)


def train(model: nn.Module, table: First, encoder: Encoder, sequences: bool, batch_size: int) -> float:
    """Seconds from the first read to the last step of one epoch."""
    ended = [0.0]

    def evaluate(*_: Any) -> dict[str, float]:
        ended[0] = time.perf_counter()
        return {"auc": 0.5}

    batches = TrainBatches(table, encoder, batch_size, 7, sequences=sequences)
    began = time.perf_counter()
    fit(
        model,
        lambda rank, world: batches,
        lambda logits, batch: bce(logits, batch.labels),
        evaluate,
        Training(epochs=1, batch_size=batch_size),
        monitor={"auc": 1.0},
        seed=7,
        threads=1,
        device="cpu",
    )
    return ended[0] - began


def predict(model: nn.Module, table: First, encoder: Encoder, sequences: bool, inputs: Any) -> float:
    """Seconds from the first read to the last probability."""
    scorer = scoring.NeuralScorer(model, inputs, sequences)
    began = time.perf_counter()
    scored = sum(len(rows) for rows, _ in scoring.scores(scorer, table, encoder))
    assert scored == len(table)
    return time.perf_counter() - began


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    deterministic(1)
    torch.manual_seed(7)
    encoders = Encoders.load(paths.features(settings["size"], "ctr"))
    reader = ColumnsReader(paths.split(settings["size"], "ctr", "train"))
    encoder = encoders.for_dictionaries(reader.dictionaries)
    cls = model_class(settings["model"])
    params = block(cls.Params, settings["params"], settings["model"])
    model, sequences = cls(encoders.inputs, params), scoring.reads_sequences(cls, params, encoders.inputs)
    for rows in (WARM_BATCHES * settings["batch_size"], settings["rows"]):
        table = First(reader, rows)
        if settings["task"] == "train":
            seconds = train(model, table, encoder, sequences, settings["batch_size"])
        else:
            seconds = predict(model, table, encoder, sequences, encoders.inputs)
    print(json.dumps({"rows": len(table), "seconds": seconds}))


if __name__ == "__main__":
    main(*sys.argv[1:])
