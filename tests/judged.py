"""Scores of invented models on an invented split, as train and convert leave them, for the tests of evaluation."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rankpipe import paths
from rankpipe.data.columns import Columns, Sequences
from rankpipe.data.schema import Schema, SequenceGroup
from rankpipe.io.h5 import ColumnsWriter

ROWS = {"valid": 500, "test": 900}
NOISE = {"lr": 2.5, "lightgbm": 1.6, "deepfm": 1.4, "feseq": 0.5}
"""Model → how much it blurs the true logit; lr is the worst, feseq the best."""

PARAMS = """
seed: 7
ctr:
  models: {feseq: {}, lr: {}, deepfm: {}, lightgbm: {}}
  evaluate:
    resamples: 200
    slices: {columns: [ad], lengths: [3, 6], values: 2, min_clicks: 5, resamples: 50}
"""


def scene(folder: Path, group: bool = False, params: str = PARAMS) -> None:
    """Writes params.yaml, the test split's H5 and the scores of all models under ``folder``, the working directory."""
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    for seed, (split, n) in enumerate(ROWS.items()):
        rng = np.random.default_rng(seed)
        z = rng.normal(-1.5, 1.5, n)
        labels = (rng.random(n) < 1 / (1 + np.exp(-z))).astype(np.float32)
        rows = rng.choice(5 * n, n, replace=False)
        table(split, rows, labels, group, rng)
        for model, noise in NOISE.items():
            write(model, split, rows, labels, 1 / (1 + np.exp(-(z + noise * rng.normal(size=n)))))
    for model in NOISE:
        paths.model_scores("toy", "ctr", model).joinpath("curve.csv").write_text(
            "epoch,step,train_loss,valid_auc\n1,10,.5,.6\n2,20,.4,.7\n3,30,.3,.69\n")


def table(split: str, rows: np.ndarray, labels: np.ndarray, group: bool, rng: np.random.Generator) -> None:
    n = len(rows)
    schema = Schema(label="clicked", categorical=("ad", "day"), sequence={"seq": SequenceGroup({"item": "seq"})},
                    group="user" if group else None)
    lengths = rng.integers(1, 9, n)
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    with ColumnsWriter(paths.split("toy", "ctr", split), schema) as writer:
        writer.append(Columns(
            rng.choice([-1, 0, 1, 2], p=[0.02, 0.5, 0.3, 0.18], size=(n, 2)).astype(np.int32),
            np.zeros((n, 5), np.float32), {"seq": Sequences(offsets, {"item": np.ones(offsets[-1], np.uint32)})},
            label=labels, rows=rows, group=rng.integers(0, n // 10, n).astype(np.int32) if group else None))
        words = {"ad": ["36", "2", "10"], "day": ["1", "2", "3"]}
        writer.dictionaries({**words, "/group": [f"u{i}" for i in range(n)]} if group else words)


def write(model: str, split: str, rows: np.ndarray, labels: np.ndarray, probabilities: np.ndarray) -> None:
    folder = paths.model_scores("toy", "ctr", model)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"row": np.asarray(rows, np.int64), "label": np.asarray(labels, np.float32),
                             "probability": np.asarray(probabilities, np.float32)}), folder / f"{split}.parquet")


def read(model: str, split: str) -> list[np.ndarray]:
    """Row, label, probability as written; hand them to :func:`write` again, changed."""
    columns = pq.read_table(paths.model_scores("toy", "ctr", model) / f"{split}.parquet").columns
    return [c.to_numpy().copy() for c in columns]
