"""Lists of invented models on an invented data set, as train, convert and features leave them, for tests of topk."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from topk_data import random_dataset

from rankpipe import paths
from rankpipe.topk.dataset import Dataset
from rankpipe.topk.features import features
from rankpipe.topk.fields import Field
from rankpipe.topk.recommend import best
from rankpipe.topk.table import RawField, write_side, write_split

NOISE = {"pop": 9.0, "ease": 2.0, "fm": 3.0, "mf": 1.2}
"""Model → how much it blurs what is hidden; pop sees nothing but popularity, mf is the best."""
K = 25
LIST = pa.schema([("user", pa.int32()), ("items", pa.list_(pa.int32())), ("scores", pa.list_(pa.float32()))])

PARAMS = """
seed: 7
threads: 1
device: cpu
topk:
  models: {mf: {}, pop: {}, fm: {}, ease: {}}
  lists: 25
  features: {min_count: {default: 1}, buckets: {default: 4}}
  evaluate:
    cutoffs: [5, 20]
    resamples: 100
    slices: {activity: 3, popularity: 3, fields: [age, genre], values: 4, min_users: 10, resamples: 30}
"""


def tables(folder: Path, of: Dataset, size: str = "toy") -> None:
    """Writes ``of`` as convert and features do; ``folder`` is the working directory and holds params.yaml."""
    for name, rows, sequential in (("train", of.train, None), ("valid", of.valid, of.valid_sequential),
                                   ("test", of.test, of.test_sequential)):
        write_split(folder / paths.split(size, "topk", name), rows, sequential)
    for side, names, fields in (("users", of.user_names, of.user_fields), ("items", of.item_names, of.item_fields)):
        write_side(folder / paths.table(size, "topk") / f"{side}.h5", names, [raw(f) for f in fields])
    features(size)


def raw(of: Field) -> RawField:
    return RawField(of.name, of.offsets, of.values, [f"{of.name} {i}" for i in range(of.size)])


def scene(folder: Path, params: str = PARAMS, of: Dataset | None = None) -> Dataset:
    """Writes params.yaml, the tables and every model's lists under ``folder``, the working directory."""
    (folder / "params.yaml").write_text(params, encoding="utf-8")
    of = of or random_dataset(300, 80)
    tables(folder, of)
    for i, (model, noise) in enumerate(NOISE.items()):
        for j, split in enumerate(("valid", "test")):
            rng = np.random.default_rng([i, j])
            users = np.unique(of.hidden(split).users)
            scores = noise * rng.normal(size=(len(users), of.n_items)) + 3 * of.hidden(split).matrix()[users].toarray()
            if model == "pop":
                scores = np.tile(of.train.popularity(), (len(users), 1))
            write(model, split, users, best(scores.astype(np.float32), of.seen(split)[users], K)[0])
        curve = "epoch,step,lr,train_loss,valid_recall_at_10\n"
        curve += "" if model in ("pop", "ease") else "".join(
            f"{e},{10 * e},0.01,{1 / e},{0.4 - noise / 20 - 0.2 / e}\n" for e in range(1, 7))
        (paths.model_scores("toy", "topk", model) / "curve.csv").write_text(curve)
    return of


def write(model: str, split: str, users: np.ndarray, lists: np.ndarray) -> None:
    """One model's parquet of a split; −1 ends a list."""
    items = [row[row >= 0].tolist() for row in lists]
    path = paths.model_scores("toy", "topk", model) / f"{split}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    scores = [list(range(len(row), 0, -1)) for row in items]
    pq.write_table(pa.table({"user": users, "items": items, "scores": scores}, schema=LIST), path)


def read(model: str, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Users and lists (U, K)."""
    table = pq.read_table(paths.model_scores("toy", "topk", model) / f"{split}.parquet")
    return table["user"].to_numpy(), np.array(table["items"].to_pylist(), np.int32)
