"""Recommends to every user with the chosen model, refitted on all rows, and writes the submission."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rankpipe import params, paths
from rankpipe.choice import chosen
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.metrics.topk import counts, coverage
from rankpipe.params import bounded
from rankpipe.topk import submission
from rankpipe.topk.choice import BETTER, BY
from rankpipe.topk.dataset import Dataset, read
from rankpipe.topk.fitting import Recipe, fit_on
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import Scorer, epochs, load_model, scorer
from rankpipe.training.checkpoint import Checkpoints, fingerprint
from rankpipe.training.devices import processes, resolve
from rankpipe.training.settings import machine

TRACK = "topk"
SUBMISSION = "submission.csv"
SUMMARY = "prediction.json"


@dataclass(frozen=True)
class Predict:
    """The block ``topk.predict`` of params.yaml."""

    model: str = "best"
    """A model id, or ``best``: the greatest recall@10 on valid."""
    refit: bool = True
    """Fit it anew on train, valid and test together, for as many epochs as were best on valid."""
    items: int = bounded(10, low=1)
    """For every user."""


def predict(size: str) -> None:
    """Writes ``submission.csv``, so many items for every user, and ``prediction.json`` beside it.

    Nothing that a user took in any split is recommended. Killed and started again, a refit goes on from its last
    checkpoint and ends in the same bytes. Memory is that of the model, the rows and one block of scores.

    Raises:
        InputError: a missing or damaged input; a user with too few items left; a breach in the written file.
    """
    values = params.load()
    settings = params.block(Predict, params.get(values, "topk.predict"), "params.yaml: topk.predict")
    model = chosen(TRACK, size, settings.model, BY, BETTER)
    data = read(size)
    known = data.known
    _enough_left(data, settings.items)
    own = machine(values)
    run: dict[str, Any] = {"model": model, "refit": settings.refit, "users": data.n_users, "items": settings.items}
    checkpoints = None
    if settings.refit:
        checkpoints, run["epochs"], found = _refitted(size, model, values, data)
    else:
        found = load_model(paths.model(size, TRACK, model), known, resolve(own.device))
    if processes(resolve(own.device))[0]:
        return  # one process writes for all
    lists, _ = recommend(found, np.arange(data.n_users), known, settings.items, threads=own.threads)
    with atomic_folder(paths.predictions(size, TRACK)) as folder:
        submission.write(folder / SUBMISSION, lists, data.user_names, data.item_names)
        submission.check(folder / SUBMISSION, known, data.user_names, data.item_names, settings.items)
        run["coverage"] = round(coverage(counts(lists, data.n_items, settings.items)), 6)
        write_json(folder / SUMMARY, run)
    if checkpoints is not None:
        checkpoints.remove()


def _refitted(size: str, model: str, values: dict[str, Any],
              data: Dataset) -> tuple[Checkpoints, int, Scorer]:
    folder = paths.model(size, TRACK, model)
    recipe = Recipe.read(values, model).of_epochs(epochs(folder))
    inputs = Inputs(data.n_users, data.n_items, data.user_fields, data.item_fields)
    name = f"predict-{TRACK}@{size}-{model}"
    device = resolve(recipe.machine.device)
    data_files = sorted(p for place in (paths.table(size, TRACK), paths.features(size, TRACK), folder)
                        for p in place.iterdir() if p.is_file())
    mark = fingerprint({**recipe.parts(), "device": device, "processes": processes(device)[1]}, data_files)
    checkpoints = Checkpoints(paths.scratch(name), mark)
    fitted = fit_on(recipe, inputs, data.known, checkpoints=checkpoints, name=name)
    return checkpoints, fitted.epochs, scorer(model, recipe.params, inputs, fitted.state, data.known, device)


def _enough_left(data: Dataset, items: int) -> None:
    left = data.n_items - np.diff(data.known.indptr)
    if left.min() < items:
        user = int(left.argmin())
        raise InputError(f"params.yaml: topk.predict.items: user {data.user_names[user]} took all but {left[user]} of "
                         f"the {data.n_items} items, and {items} are asked for; lower it, or drop the user")
