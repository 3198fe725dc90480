"""What train and ensemble left for each model, read side by side: the same rows and ratings in the same order."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.cells import cell, scores_file
from rankpipe.errors import InputError
from rankpipe.io.parquet import iterate, open_parquet
from rankpipe.io.tracked import restore
from rankpipe.rating.table import TRACK

ENSEMBLE = "ensemble"
"""Stands among the models once they are judged."""
_BATCH = 1 << 16


def ensemble_folder(size: str) -> Path:
    """What the ensemble stage writes."""
    return paths.build(size, TRACK) / ENSEMBLE


@dataclass(frozen=True)
class Scores:
    """One split as all models rated it, N rows in ascending order of ``rows``."""

    rows: np.ndarray
    """(N,) int64 position in the raw file."""
    labels: np.ndarray
    """(N,) float64, the ratings that were given."""
    ratings: dict[str, np.ndarray]
    """Model → (N,) float64 predicted ratings."""

    def __len__(self) -> int:
        return len(self.rows)


def scores(size: str, models: Iterable[str], split: str) -> Scores:
    """Reads ``split`` (``valid`` or ``test``) of every model.

    Raises:
        InputError: a model has no scores yet, they are damaged, no number, or of other rows or ratings than the first
            model's.
    """
    first, whose, ratings = None, "", {}
    models = list(models)
    restore(paths.model_scores(size, TRACK, model) for model in models)
    for model in models:
        path = scores_file(TRACK, size, model, f"{split}.parquet")
        rows, labels, rating = columns(path, ("row", "label", "rating"))
        if first is None:
            first, whose = (rows, labels), model
        for name, mine, other in (("rows", rows, first[0]), ("ratings", labels, first[1])):
            if not np.array_equal(mine, other):
                raise InputError(f"{path}: its {name} are not those of '{whose}'; one of the two is stale: "
                                 f"run dvc repro {cell(TRACK, size, whose)} {cell(TRACK, size, model)}")
        ratings[model] = rating
    if first is None:
        raise InputError("params.yaml: rating.models: names no model; add one")
    return Scores(*first, ratings)


def with_ensemble(size: str, split: str, of: Scores) -> tuple[Scores, np.ndarray]:
    """``of`` with the ensemble's ratings as a further model, and (N,) the spread of its members.

    Raises:
        InputError: not combined yet, or from other scores than these.
    """
    path = ensemble_folder(size) / f"{split}.parquet"
    if not path.is_file():
        raise InputError(f"{path}: not found; run dvc repro ensemble-{TRACK}@{size}")
    rows, labels, rating, spread = columns(path, ("row", "label", "rating", "spread"))
    if not (np.array_equal(rows, of.rows) and np.array_equal(labels, of.labels)):
        raise InputError(f"{path}: its rows are not those of the models' scores; run dvc repro ensemble-{TRACK}@{size}")
    return Scores(of.rows, of.labels, {**of.ratings, ENSEMBLE: rating}), spread


def columns(path: Path, names: tuple[str, ...]) -> list[np.ndarray]:
    """``names``, the first of them the row, in order of the row: int64, then float64."""
    if not open_parquet(path).rows:
        raise InputError(f"{path}: holds no rows; the split is empty, see rating.extract in params.yaml")
    batches = list(iterate(path, names, _BATCH))
    row, *values = (np.concatenate([b.column(name).to_numpy(zero_copy_only=False) for b in batches]) for name in names)
    for name, found in zip(names[1:], values, strict=True):
        bad = ~np.isfinite(found)
        if bad.any():
            raise InputError(f"{path}: {int(bad.sum())} of {len(bad)} in column '{name}' are NaN or infinite, first in "
                             f"row {row[bad][0]}; training diverged, lower lr and train again")
    order = np.argsort(row, kind="stable")
    if (np.diff(row[order]) == 0).any():
        raise InputError(f"{path}: a row stands there twice; train the model again")
    return [row[order].astype(np.int64), *(v[order].astype(np.float64) for v in values)]
