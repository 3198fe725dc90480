"""Trains one model and scores valid and test with what it saved."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rankpipe import params as parameters
from rankpipe import paths
from rankpipe.cells import CURVE, write_curve
from rankpipe.fusion import scoring
from rankpipe.fusion.ablation import ablated
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.examples import Source, read
from rankpipe.fusion.fitting import CUTOFFS, Recipe, fit_on
from rankpipe.fusion.inputs import TRACK
from rankpipe.fusion.models import model_class
from rankpipe.fusion.scores import ABLATION, SHUFFLES, columns_of_ablation
from rankpipe.fusion.shuffles import repeated
from rankpipe.io.atomic import atomic_folder
from rankpipe.training.checkpoint import Checkpoints, fingerprint
from rankpipe.training.devices import processes, resolve

ROWS = [("query", pa.int32()), ("candidate", pa.int32()), ("grade", pa.int8())]
SCORES = pa.schema([*ROWS, ("score", pa.float32()), ("rank_start", pa.int32())])
PARTS = pa.schema([*ROWS, *((name, pa.float32()) for name in columns_of_ablation())])


def train(size: str, model: str) -> None:
    """Writes ``build/<size>/fusion/models/<model>`` (weights and config) and ``…/scores/<model>`` (valid, test, curve;
    for a model that attends to modalities also what its scores become without each of them).

    A net that is killed and started again goes on from its last checkpoint under ``.scratch`` and ends in the same
    bytes; the other models take seconds and start over.

    Raises:
        InputError: a missing or damaged input, a bad parameter, an empty split, a loss or a score that is no number.
    """
    recipe = Recipe.read(parameters.load(), model)
    source, name = read(size), f"train-{TRACK}@{size}-{model}"
    device = resolve(recipe.machine.device)
    checkpoints = Checkpoints(paths.scratch(name), _mark(recipe, device, source))
    train, valid = (source.examples(split) for split in ("train", "valid"))
    fitted = fit_on(recipe, train, valid, checkpoints, name)
    others = repeated(recipe, train, valid, source.examples("test"), name) if hasattr(recipe.params, "repeats") else {}
    if not fitted.main:
        return  # one process writes for all
    with atomic_folder(paths.model(size, TRACK, model)) as weights, \
            atomic_folder(paths.model_scores(size, TRACK, model)) as out:
        about = {"training": asdict(recipe.training) if model_class(model).neural else {},
                 "seed": recipe.machine.seed, "threads": recipe.machine.threads}
        scoring.save_model(weights, model, fitted.model, recipe.params, train.inputs, about)
        scorer = scoring.load_model(weights, device)
        test = source.examples("test")
        for split, of in (("valid", valid), ("test", test)):
            write_rows(out / f"{split}.parquet", of, {"score": scoring.score_all(scorer, of),
                                                      "rank_start": of.slates.starts}, SCORES)
        if scoring.attend_all(scorer, test) is not None:
            write_rows(out / ABLATION, test, ablated(scorer, source, test, recipe.machine.seed), PARTS)
        if others:
            write_rows(out / SHUFFLES, test, others, pa.schema([*ROWS, *((key, pa.float32()) for key in others)]))
        write_curve(out / CURVE, fitted.curve, tuple(f"valid_ndcg_at_{k}" for k in reversed(CUTOFFS)))
    checkpoints.remove()


def write_rows(path: Path, of: Examples, columns: dict[str, np.ndarray], schema: pa.Schema) -> None:
    """One line a candidate of a slate, in order of the slates: what was judged, and ``columns``."""
    rows = {"query": of.queries[of.slates.queries], "candidate": of.slates.candidates, "grade": of.slates.grades}
    found = {**rows, **columns}
    arrays = [pa.array(found[field.name]).cast(field.type) for field in schema]
    pq.write_table(pa.table(arrays, schema=schema), path)


def _mark(recipe: Recipe, device: str, source: Source) -> str:
    parts: dict[str, Any] = {**recipe.parts(), "device": device, "processes": processes(device)[1]}
    return fingerprint(parts, source.files)
