"""An epoch of a model of ours, or the top-10 of everybody, timed: ``timed_recommend.py SETTINGS.json`` in a workspace.

Settings: ``model``, ``params`` (its block), ``task`` (train, recommend, exact, or rows,
which writes the rows to ``out``). All rows of the three splits
are trained on, as when predict refits. What runs is the pipeline's own path: batches, training loop, engine. Reading
the tables and compiling (numba keeps its code on disk) don't count.
``recommend`` scores by vectors drawn at random; ``exact`` compares all lists with a full product in float64.
Prints one JSON line.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.topk.dataset import read
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import Factors, FactorScorer

SIZE = "full"
K = 10
SLACK = 1e-5
"""Float32 sums of 64 products differ from float64's by about 1e-7 of their size, here at most 10."""


def now() -> np.ndarray:
    """Seconds by the clock and of the processor."""
    return np.array([time.perf_counter(), time.process_time()])


def train(settings: dict[str, Any], taken: csr_matrix, inputs: Any) -> np.ndarray:
    """Seconds by the clock and of the processor for one epoch, from the first batch to the last step."""
    from rankpipe import params
    from rankpipe.topk.batches import TakenBatches
    from rankpipe.topk.fitting import Recipe
    from rankpipe.topk.models import model_class
    from rankpipe.topk.objective import summed
    from rankpipe.training.loop import fit

    values = params.load()
    values["topk"]["models"] = {settings["model"]: settings["params"]}
    recipe = Recipe.read(values, settings["model"]).of_epochs(1)
    training = replace(recipe.training, monitor={"none": 1.0})
    ended = [now()]

    def evaluate(*_: Any) -> dict[str, float]:
        ended[0] = now()
        return {"none": 0.0}

    for rows in (_first(taken, training.batch_size), taken):
        model = model_class(recipe.name)(inputs, recipe.params)
        batches = TakenBatches(rows, training.batch_size, 7, negatives=recipe.params.negatives,
                               popularity=recipe.params.popularity)  # fmt: skip
        began = now()
        fit(model, lambda rank, world, b=batches: b,
            lambda scores, batch: summed(recipe.params, scores, batch, True), evaluate, training,
            monitor={"none": 1.0}, seed=7, threads=1, device="cpu")  # fmt: skip
    return ended[0] - began


def _first(taken: csr_matrix, users: int) -> csr_matrix:
    """The rows of the first ``users`` users alone."""
    end = taken.indptr[users]
    return csr_matrix((taken.data[:end], taken.indices[:end], np.minimum(taken.indptr, end)), shape=taken.shape)


def drawn(taken: csr_matrix, dim: int) -> Factors:
    generator = np.random.default_rng(7)
    sizes = (taken.shape[0], dim), (taken.shape[1], dim), (taken.shape[1],)
    return Factors(*(generator.standard_normal(size, np.float32) / np.float32(dim**0.25) for size in sizes))


def everybody(settings: dict[str, Any], taken: csr_matrix) -> tuple[np.ndarray, np.ndarray, Factors]:
    """Seconds as of :func:`train`, lists and what they were scored by."""
    factors = drawn(taken, settings["params"]["embedding_dim"])
    scorer, users = FactorScorer(factors), np.arange(taken.shape[0])
    recommend(scorer, users[:100], taken, K)
    began = now()
    lists, _ = recommend(scorer, users, taken, K)
    return now() - began, lists, factors


def wrong(lists: np.ndarray, taken: csr_matrix, factors: Factors, block: int = 512) -> int:
    """Users whose list isn't the ten best unseen items in order, scores within SLACK of each other being equal."""
    count, items = 0, factors.items.astype(np.float64)
    for start in range(0, len(lists), block):
        rows = np.arange(start, min(start + block, len(lists)))
        scores = factors.users[rows].astype(np.float64) @ items.T + factors.item_bias
        scores[taken[rows].nonzero()] = -np.inf
        best = -np.sort(-np.partition(scores, -K, axis=1)[:, -K:], axis=1)
        ours = np.take_along_axis(scores, lists[rows], axis=1)
        distinct = (np.diff(np.sort(lists[rows], axis=1), axis=1) > 0).all(axis=1)
        count += int((~((np.abs(ours - best) <= SLACK).all(axis=1) & distinct)).sum())
    return count


def main(settings_file: str) -> None:
    settings = json.loads(Path(settings_file).read_text())
    data = read(SIZE)
    taken = data.known
    said: dict[str, Any] = {"rows": int(taken.nnz), "users": data.n_users, "items": data.n_items}
    if settings["task"] == "train":
        from rankpipe.topk.train import inputs_of

        took = train(settings, taken, inputs_of(data))
    elif settings["task"] == "rows":
        users, items = taken.nonzero()
        np.savez(settings["out"], users=users.astype(np.int32), items=items.astype(np.int32))
    else:
        took, lists, factors = everybody(settings, taken)
        if settings["task"] == "exact":
            said["wrong"] = wrong(lists, taken, factors)
    if settings["task"] != "rows":
        said |= {"seconds": took[0], "cpu": took[1]}
    print(json.dumps(said))


if __name__ == "__main__":
    main(*sys.argv[1:])
