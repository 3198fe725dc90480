"""Trains one model and lists what it recommends to the users of valid and test, with what it saved."""

from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.sparse import csr_matrix

from rankpipe import params as parameters
from rankpipe import paths
from rankpipe.cells import CURVE, write_curve
from rankpipe.io.atomic import atomic_folder
from rankpipe.params import bounded
from rankpipe.topk import scoring
from rankpipe.topk.dataset import Dataset, read
from rankpipe.topk.fitting import CUTOFF, Recipe, Validation, fit_on
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models import model_class
from rankpipe.topk.recommend import NONE, recommend
from rankpipe.topk.table import TRACK
from rankpipe.training.checkpoint import Checkpoints, fingerprint
from rankpipe.training.devices import processes, resolve

LISTS = pa.schema([("user", pa.int32()), ("items", pa.list_(pa.int32())), ("scores", pa.list_(pa.float32()))])


@dataclass(frozen=True)
class Lists:
    """The key ``topk.lists`` of params.yaml."""

    lists: int = bounded(low=CUTOFF)
    """Items of each list, fewer where a user has fewer left."""


def train(size: str, model: str) -> None:
    """Writes ``build/<size>/topk/models/<model>`` (weights and config) and ``…/scores/<model>`` (valid, test, curve).

    The model is fitted on train alone; lists for valid leave out what a user has in train, lists for test what is in
    train or valid. Killed and started again it goes on from its last checkpoint under ``.scratch`` and ends in the same
    bytes.

    Raises:
        InputError: a missing or damaged input, a bad parameter, a loss or a score that is no number.
    """
    values = parameters.load()
    recipe = Recipe.read(values, model)
    length = parameters.block(Lists, {"lists": parameters.get(values, f"{TRACK}.lists")}, f"params.yaml: {TRACK}").lists
    data, name = read(size), f"train-{TRACK}@{size}-{model}"
    device, inputs = resolve(recipe.machine.device), inputs_of(data)
    checkpoints = Checkpoints(paths.scratch(name), _mark(recipe, device, size))
    validation = Validation(data.seen("valid"), data.hidden("valid").matrix(), recipe.machine.threads)
    fitted = fit_on(recipe, inputs, data.train.matrix(), history=data.history, validation=validation,
                    checkpoints=checkpoints, name=name)
    if not fitted.main:
        return  # one process writes for all
    with atomic_folder(paths.model(size, TRACK, model)) as weights, \
            atomic_folder(paths.model_scores(size, TRACK, model)) as out:
        about = {"training": asdict(recipe.training) if model_class(model).neural else {}, "epochs": fitted.epochs,
                 "seed": recipe.machine.seed, "threads": recipe.machine.threads}
        scoring.save_model(weights, model, recipe.params, inputs, fitted.state, about)
        scorer = scoring.load_model(weights, data.history, device)
        for split in ("valid", "test"):
            users = np.flatnonzero(np.diff(data.hidden(split).offsets))
            write_lists(out / f"{split}.parquet", scorer, users, data.seen(split), length, recipe.machine.threads)
        write_curve(out / CURVE, fitted.curve, ("valid_recall_at_10", "valid_ndcg_at_10"))
    checkpoints.remove()


def inputs_of(data: Dataset) -> Inputs:
    return Inputs(data.n_users, data.n_items, data.user_fields, data.item_fields)


def write_lists(path: Path, scorer: scoring.Scorer, users: np.ndarray, seen: csr_matrix, length: int,
                threads: int) -> None:
    """One line a user, in the order of ``users``: at most ``length`` items that the user hasn't seen, best first, and
    their scores."""
    items, scores = recommend(scorer, users, seen, min(length, scorer.n_items), threads=threads)
    held = items != NONE
    offsets = pa.array(np.concatenate([[0], np.cumsum(held.sum(1))]), pa.int32())
    columns = [pa.ListArray.from_arrays(offsets, pa.array(x[held])) for x in (items, scores)]
    pq.write_table(pa.table([users.astype(np.int32), *columns], schema=LISTS), path)


def _mark(recipe: Recipe, device: str, size: str) -> str:
    data = [*sorted(paths.table(size, TRACK).glob("*.h5")), *sorted(paths.features(size, TRACK).iterdir())]
    return fingerprint({**recipe.parts(), "device": device, "processes": processes(device)[1]}, data)
