"""The scores that train left for each model, read side by side: the same rows and labels in the same order."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.cells import cell, scores_file
from rankpipe.errors import InputError
from rankpipe.io.parquet import iterate, open_parquet
from rankpipe.io.tracked import restore

TRACK = "ctr"
COLUMNS = ("row", "label", "probability")
_BATCH = 1 << 16


@dataclass(frozen=True)
class Scores:
    """One split as all models scored it, N rows in ascending order of ``rows``."""

    rows: np.ndarray
    """(N,) int64."""
    labels: np.ndarray
    """(N,) float64, 0 or 1."""
    probabilities: dict[str, np.ndarray]
    """Model → (N,) float64."""

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def rate(self) -> float:
        """Share of clicks."""
        return float(self.labels.mean())


def scores(size: str, models: Iterable[str], split: str) -> Scores:
    """Reads ``split`` (``valid`` or ``test``) of every model.

    Raises:
        InputError: a model has no scores yet, they are damaged, not a probability, or of other rows or labels than the
            first model's.
    """
    first, whose, probabilities = None, "", {}
    models = list(models)
    restore(paths.model_scores(size, TRACK, model) for model in models)
    for model in models:
        path = scores_file(TRACK, size, model, f"{split}.parquet")
        rows, labels, probability = _columns(path)
        if first is None:
            first, whose = (rows, labels), model
        for name, mine, other in (("rows", rows, first[0]), ("labels", labels, first[1])):
            if not np.array_equal(mine, other):
                raise InputError(f"{path}: its {name} are not those of '{whose}'; one of the two is stale: "
                                 f"run dvc repro {cell(TRACK, size, whose)} {cell(TRACK, size, model)}")
        probabilities[model] = probability
    return Scores(*first, probabilities)


def _columns(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Row, label and probability in order of row."""
    if not open_parquet(path).rows:
        raise InputError(f"{path}: holds no rows; the split is empty, see ctr.extract in params.yaml")
    batches = list(iterate(path, COLUMNS, _BATCH))
    row, label, probability = (np.concatenate([b.column(name).to_numpy(zero_copy_only=False) for b in batches])
                               for name in COLUMNS)
    bad = ~np.isfinite(probability)
    if bad.any():
        raise InputError(f"{path}: {int(bad.sum())} of {len(bad)} probabilities are NaN or infinite, first in row "
                         f"{row[bad][0]}; training diverged, lower lr and train again")
    if probability.min() < 0 or probability.max() > 1:
        raise InputError(f"{path}: probabilities must lie in [0, 1], got {probability.min():g} to "
                         f"{probability.max():g}; train the model again")
    order = np.argsort(row, kind="stable")
    if (np.diff(row[order]) == 0).any():
        raise InputError(f"{path}: a row stands there twice; train the model again")
    return row[order].astype(np.int64), label[order].astype(np.float64), probability[order].astype(np.float64)
