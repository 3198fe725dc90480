"""A project of the topk track up to evaluate: tables, three trained models and what was judged of them."""

from pathlib import Path

import numpy as np
import topk_judged
from topk_data import random_dataset

from rankpipe.topk.dataset import Dataset
from rankpipe.topk.evaluate import evaluate
from rankpipe.topk.train import train

PARAMS = """
seed: 7
threads: 1
device: cpu
topk:
  source: {interactions: {path: data/topk/rows.csv}}
  features: {min_count: {default: 1}, buckets: {default: 4}}
  lists: 12
  training: {epochs: 4, batch_size: 16, lr: 0.05, schedule: constant, patience: 4, monitor: {recall_at_10: 1.0}}
  models:
    pop: {}
    ease: {regularization: 1.0}
    mf: {embedding_dim: 8, loss: softmax, negatives: 0, dropout: 0.0, embedding_l2: 1.0e-5, epochs: 8}
    deepfm: {embedding_dim: 4, loss: softmax, negatives: 2, hidden_dims: [4], epochs: 1}
  evaluate: {cutoffs: [12], resamples: 20, slices: {min_users: 5, resamples: 20}}
  predict: {model: ease}
  push: {model: ease, gate: null}
"""


def dataset() -> Dataset:
    """40 users × 40 items. Users' names are numbers, "9" before "10", items' hold a comma; no name is its code."""
    of = random_dataset(40, 40)
    names = sorted(np.random.default_rng(1).choice(200, 40, replace=False).tolist())
    return Dataset(of.train, of.valid, of.test, [str(n) for n in names], [f"i,{n}" for n in names], of.user_fields,
                   of.item_fields)


def shipped(folder: Path) -> None:
    """Writes everything into ``folder``, the working directory."""
    (folder / "params.yaml").write_text(PARAMS, encoding="utf-8")
    (folder / "data" / "topk").mkdir(parents=True)
    (folder / "data" / "topk" / "rows.csv").write_text("user,item\n1,1\n")
    topk_judged.tables(folder, dataset())
    for model in ("pop", "ease", "mf", "deepfm"):
        train("toy", model)
    evaluate("toy")
