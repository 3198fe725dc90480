"""Ratings of invented models on an invented split, as convert, train and ensemble leave them, for the tests of
evaluation.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rating_data import write_table

from rankpipe import paths
from rankpipe.rating.ensemble import ensemble
from rankpipe.rating.table import Ratings, Side

ROWS = {"train": 600, "valid": 400, "test": 500}
NOISE = {"bias": 0.75, "mf": 0.6, "deepfm": 0.35, "multitower": 0.95}
"""Model → how much it blurs the true taste; deepfm is the best, multitower worse than the bias baseline."""
USERS, ITEMS = 40, 25

PARAMS = """
seed: 7
rating:
  models: {mean: {}, bias: {}, mf: {}, deepfm: {}, multitower: {}}
  ensemble: {l2: 5.0}
  evaluate:
    resamples: 200
    slices: {activity: [10, 20], min_rows: 10, resamples: 50}
"""


def scene(folder: Path, params: str = PARAMS) -> None:
    """Writes params.yaml, the table, the scores of all models and the ensemble under ``folder``, the working one."""
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    splits = {}
    for seed, (split, n) in enumerate(ROWS.items()):
        rng = np.random.default_rng(seed)
        taste = rng.normal(3.5, 1.0, n)
        ratings = np.clip(np.rint(taste + rng.normal(0, 0.4, n)), 1, 5).astype(np.float32)
        users, items = rng.integers(0, USERS, n), rng.integers(0, ITEMS, n)
        if split == "train":
            users[:USERS], items[:ITEMS] = np.arange(USERS), np.arange(ITEMS)
        else:
            users, items = np.where(rng.random(n) < 0.1, -1, users), np.where(rng.random(n) < 0.05, -1, items)
        rows = np.sort(rng.choice(5 * n, n, replace=False)).astype(np.int64)
        splits[split] = Ratings(users.astype(np.int32), items.astype(np.int32), ratings, None, rows)
        if split != "train":
            write("mean", split, rows, ratings, np.full(n, 3.5))
            for model, noise in NOISE.items():
                write(model, split, rows, ratings, np.clip(taste + noise * rng.normal(size=n), 1, 5))

    def side(prefix: str, m: int) -> Side:
        return Side([f"{prefix}{i}" for i in range(m)], {}, {}, ())

    write_table("toy", splits, side("u", USERS), side("i", ITEMS), None)
    for model in ("mean", *NOISE):
        steps = "" if model == "mean" else "1,10,1.0\n2,20,0.8\n3,30,0.9\n"
        paths.model_scores("toy", "rating", model).joinpath("curve.csv").write_text("epoch,step,valid_rmse\n" + steps)
    ensemble("toy")


def write(model: str, split: str, rows: np.ndarray, labels: np.ndarray, ratings: np.ndarray) -> None:
    folder = paths.model_scores("toy", "rating", model)
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table({"row": np.asarray(rows, np.int64), "label": np.asarray(labels, np.float32),
                             "rating": np.asarray(ratings, np.float32)}), folder / f"{split}.parquet")


def read(model: str, split: str) -> list[np.ndarray]:
    """Row, label, rating as written; hand them to :func:`write` again, changed."""
    columns = pq.read_table(paths.model_scores("toy", "rating", model) / f"{split}.parquet").columns
    return [c.to_numpy().copy() for c in columns]
