"""What train left for each model, checked against the pairs that it must have scored."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.cells import Curve, cell, read_curve, scores_file
from rankpipe.embedding.choice import BY
from rankpipe.embedding.facts import Facts
from rankpipe.embedding.table import TRACK, Pairs, pairs
from rankpipe.errors import InputError
from rankpipe.io.json import read_json
from rankpipe.io.parquet import iterate, open_parquet
from rankpipe.metrics.similarity import Similarity

FIGURES = "figures.json"
"""Beside the scores: numbers of a model that don't come from the scores."""
ALL = "all"
"""The run of a model without randomness, as a folder of the model."""
COLUMNS = ("pair", "seed", "label", "score")
_BATCH = 1 << 16
Cosines = dict[int, np.ndarray]
"""Seed of a run → (n,) float64 cosine of each pair."""


@dataclass(frozen=True)
class Scores:
    """One split as all models scored it."""

    pairs: Pairs
    cosines: dict[str, Cosines]
    """Model → its runs."""

    @property
    def labels(self) -> np.ndarray:
        """(n,) float64 in [0, 1]."""
        return self.pairs.score.astype(np.float64)

    def __len__(self) -> int:
        return len(self.pairs)


def scores(size: str, models: list[str], split: str) -> Scores:
    """Reads ``split`` (``valid`` or ``test``) of every model.

    Raises:
        InputError: the split is empty; a model has no scores yet, they are damaged, no number, or of other pairs.
    """
    of = pairs(size, split)
    if not len(of):
        raise InputError(f"{paths.table(size, TRACK)}: {split} holds no pairs; see embedding.source in params.yaml")
    return Scores(of, {model: _read(size, model, split, of) for model in models})


def facts(size: str, model: str) -> Facts:
    """What train measured beside the scores; nothing where it left none.

    Raises:
        InputError: not readable.
    """
    path = paths.model_scores(size, TRACK, model) / FIGURES
    return Facts.of(read_json(path)) if path.is_file() else Facts()


def curves(size: str, model: str, seeds: list[int]) -> dict[int, Curve]:
    """Seed → learning curve of that run; nothing of a model that isn't trained."""
    folder = paths.model_scores(size, TRACK, model)
    names = {seed: f"curve-{seed}.csv" for seed in seeds}
    return {seed: read_curve(TRACK, size, model, name) for seed, name in names.items() if (folder / name).is_file()}


def run_folder(size: str, model: str, seed: int, runs: int) -> Path:
    """The folder of one run's encoder: named after its seed, or ``all`` where there is but one.

    Raises:
        InputError: not there.
    """
    place = paths.model(size, TRACK, model)
    found = place / (ALL if runs == 1 and (place / ALL).is_dir() else str(seed))
    if not found.is_dir():
        raise InputError(f"{found}: not found; run dvc repro {cell(TRACK, size, model)}, or dvc pull")
    return found


def best_run(size: str, model: str) -> Path:
    """The folder of the run with the greatest Spearman on valid, of the least seed among equals."""
    of = scores(size, [model], "valid")
    runs = of.cosines[model]
    best = min(runs, key=lambda seed: (-Similarity(of.labels, runs[seed]).estimate()[BY], seed))
    return run_folder(size, model, best, len(runs))


def _read(size: str, model: str, split: str, of: Pairs) -> Cosines:
    path, remedy = scores_file(TRACK, size, model, f"{split}.parquet"), f"run dvc repro {cell(TRACK, size, model)}"
    open_parquet(path).require(COLUMNS, "evaluation")
    batches = list(iterate(path, COLUMNS, _BATCH))
    if not batches:
        raise InputError(f"{path}: holds no scores; {remedy}")
    pair, seed, label, score = (np.concatenate([b.column(name).to_numpy(zero_copy_only=False) for b in batches])
                                for name in COLUMNS)
    bad = ~np.isfinite(score)
    if bad.any():
        raise InputError(f"{path}: {int(bad.sum())} of {len(bad)} scores are NaN or infinite, first of pair "
                         f"{pair[bad][0]}; training diverged, lower lr and train again")
    found = {}
    for run in np.unique(seed).tolist():
        rows = np.flatnonzero(seed == run)
        rows = rows[np.argsort(pair[rows], kind="stable")]
        if not np.array_equal(pair[rows], np.arange(len(of))) or not np.array_equal(label[rows], of.score):
            raise InputError(f"{path}: the {len(rows)} pairs of run {run} are not the {len(of)} of {split}, or are "
                             f"scored otherwise; {remedy}")
        found[run] = score[rows].astype(np.float64)
    return found

