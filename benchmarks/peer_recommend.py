"""implicit's and RecBole's epoch and top-10 for everybody, timed; runs in the environment of the peers.

    .venv-peers-recommend/bin/python benchmarks/peer_recommend.py SETTINGS.json

Settings: ``rows`` (an .npz of users, items), ``library``, ``model``, ``task`` (train or recommend), ``dim``, ``folder``
and, of RecBole, ``users_a_batch`` (0 is its default). The clock takes what the library does once its data are loaded.
Prints one JSON line: seconds, and of train also the rows.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix


def now() -> np.ndarray:
    """Seconds by the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def implicit_library(settings: dict[str, Any], taken: csr_matrix) -> np.ndarray:
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.lmf import LogisticMatrixFactorization

    classes = {"als": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking, "lmf": LogisticMatrixFactorization}

    def fitted(iterations: int) -> tuple[Any, np.ndarray]:
        arguments = {"factors": settings["dim"], "iterations": iterations, "num_threads": 1, "random_state": 7}
        model = classes[settings["model"]](**arguments)
        began = now()
        model.fit(taken, show_progress=False)
        return model, now() - began

    if settings["task"] == "train":
        # What fit does besides its iterations cancels.
        return (fitted(4)[1] - fitted(1)[1]) / 3
    model, _ = fitted(1)
    users = np.arange(taken.shape[0])
    model.recommend(users[:100], taken[:100], N=10)
    began = now()
    model.recommend(users, taken, N=10, filter_already_liked_items=True)
    return now() - began


def recbole(settings: dict[str, Any], users: np.ndarray, items: np.ndarray) -> np.ndarray:
    import peer_recbole

    folder = Path(settings["folder"])
    few = np.unique(users, return_index=True)[1]  # one row of each user to be judged by, so that all are scored
    if not (folder / peer_recbole.NAME).exists():
        kept = np.ones(len(users), bool)
        kept[few] = False
        splits = {"train": (users[kept], items[kept]), **dict.fromkeys(("valid", "test"), (users[few], items[few]))}
        peer_recbole.write(folder, splits, {})
    batch = settings["users_a_batch"]
    changes = {"embedding_size": settings["dim"], "weight_decay": 0.0,
               **({"eval_batch_size": batch * (int(items.max()) + 2)} if batch else {})}  # fmt: skip
    task = peer_recbole.Task(folder, settings["model"], 7, changes, {})
    began = now()
    if settings["task"] == "train":
        task.trainer._train_epoch(task.train, 0)
    else:
        task.trainer.evaluate(task.valid, load_best_model=False)
    return now() - began


def main(file: str) -> None:
    settings = json.loads(Path(file).read_text())
    with np.load(settings["rows"]) as found:
        users, items = found["users"], found["items"]
    if settings["library"] == "implicit":
        shape = int(users.max()) + 1, int(items.max()) + 1
        took = implicit_library(settings, csr_matrix((np.ones(len(users), np.float32), (users, items)), shape=shape))
    else:
        took = recbole(settings, users, items)
    print(json.dumps({"seconds": took[0], "cpu": took[1], "rows": len(users)}))


if __name__ == "__main__":
    main(*sys.argv[1:])
