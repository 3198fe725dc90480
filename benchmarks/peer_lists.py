"""RecBole's and implicit's top-10 lists for the users of test; runs in the environment of the peers.

    .venv-peers-recommend/bin/python benchmarks/peer_lists.py SETTINGS.json

Settings: ``rows`` (an .npz of train_users, train_items and the same of valid and test, codes), ``library``, ``model``,
``params``, ``seed``, ``refit``, ``fields`` (name → RecBole's columns of ``fields_of``, its folder of .user and .item),
``folder``, ``judge`` (valid or test), ``out``. RecBole stops by recall@10 on valid and keeps its best epoch; a refit
then trains for as many epochs on train and valid together. Lists for test leave out what is in train or valid, lists
for valid what is in train. Prints one JSON line: seconds of fitting and of recommending, and epochs.
"""

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

K = 10
Rows = tuple[np.ndarray, np.ndarray]


def matrix(rows: Rows, shape: tuple[int, int]) -> csr_matrix:
    return csr_matrix((np.ones(len(rows[0]), np.float32), rows), shape=shape)


def implicit_library(settings: dict[str, Any], rows: dict[str, Rows], shape: tuple[int, int]) -> tuple:
    from implicit.als import AlternatingLeastSquares
    from implicit.bpr import BayesianPersonalizedRanking
    from implicit.lmf import LogisticMatrixFactorization

    classes = {"als": AlternatingLeastSquares, "bpr": BayesianPersonalizedRanking, "lmf": LogisticMatrixFactorization}
    train, valid = matrix(rows["train"], shape), matrix(rows["valid"], shape)
    taken = train + valid if settings["refit"] else train
    model = classes[settings["model"]](num_threads=1, random_state=settings["seed"], **settings["params"])
    began = time.perf_counter()
    model.fit(taken, show_progress=False)
    fitted = time.perf_counter()
    seen, users = train if settings["judge"] == "valid" else train + valid, np.unique(rows[settings["judge"]][0])
    lists, _ = model.recommend(users, seen[users], N=K, filter_already_liked_items=True)
    return users, lists, {"fit": fitted - began, "recommend": time.perf_counter() - fitted}


def recbole(settings: dict[str, Any], rows: dict[str, Rows], shape: tuple[int, int]) -> tuple:
    import pandas as pd
    import peer_recbole

    def task(place: str, parts: dict[str, Rows]) -> Any:
        folder = Path(settings["folder"]) / place
        tables = {side: pd.read_csv(f"{settings['fields_of']}.{side}", sep="\t", dtype=str, keep_default_na=False)
                  for side in settings["fields"]}  # fmt: skip
        peer_recbole.write(folder, parts, tables)
        return peer_recbole.Task(folder, settings["model"], settings["seed"], settings["params"], settings["fields"])

    best: dict[str, Any] = {"score": -1.0, "epoch": 0}

    def keep(epoch: int, score: float) -> None:
        if score > best["score"]:
            state = {name: value.clone() for name, value in run.model.state_dict().items()}
            best.update(score=score, epoch=epoch + 1, state=state)

    run = task("stopped", rows)
    began = time.perf_counter()
    run.trainer.fit(run.train, run.valid, verbose=False, saved=False, callback_fn=keep)
    if settings["refit"]:
        both = tuple(np.concatenate([rows["train"][i], rows["valid"][i]]) for i in range(2))
        run = task("refitted", {**rows, "train": both})
        began = time.perf_counter()
        for epoch in range(best["epoch"]):
            run.trainer._train_epoch(run.train, epoch)
    else:
        run.model.load_state_dict(best["state"])
    fitted = time.perf_counter()
    lists = peer_recbole.lists(run, run.valid if settings["judge"] == "valid" else run.test, K, shape[0])
    users = np.flatnonzero(lists[:, 0] >= 0)
    said = {"fit": fitted - began, "recommend": time.perf_counter() - fitted, "epochs": best["epoch"]}
    return users, lists[users], said


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    with np.load(settings["rows"]) as found:
        rows = {split: (found[f"{split}_users"], found[f"{split}_items"]) for split in ("train", "valid", "test")}
        shape = tuple(int(n) for n in found["shape"])
    run = implicit_library if settings["library"] == "implicit" else recbole
    users, lists, said = run(settings, rows, shape)
    np.savez(settings["out"], users=users, lists=lists)
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
