"""Judges one size's models and their ensemble on the same rows: figures, paired tests, slices, intervals, plots."""

import sys
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rankpipe import leaderboard, params, paths, progress
from rankpipe.cells import known, leftovers, named, read_curve
from rankpipe.errors import InputError
from rankpipe.judgement import Rules, judge
from rankpipe.metrics.bootstrap import Means, Resamples, interval, resample
from rankpipe.metrics.regression import HIGHER, Regression
from rankpipe.params import bounded
from rankpipe.rating import report, table
from rankpipe.rating.ensemble import Ensemble, load
from rankpipe.rating.models import MODELS
from rankpipe.rating.scores import ENSEMBLE, Scores, ensemble_folder, scores, with_ensemble
from rankpipe.rating.slices import Slices, judged, slices
from rankpipe.rating.table import TRACK, Ratings
from rankpipe.rating.words import notes

MEAN = "mean"
"""The one model that rates everybody alike."""


@dataclass(frozen=True)
class Evaluate:
    """The block ``rating.evaluate`` of params.yaml."""

    order: Literal["rmse", "mae", "r2"] = "rmse"
    """The metric that ranks the models."""
    resamples: int = bounded(1000, low=20)
    level: float = bounded(0.95, low=0.5, below=1)
    """Of all intervals; 1 − level is the error rate of the verdicts."""
    unit: Literal["user", "row"] = "user"
    """What is drawn again: whole users, whose ratings have much in common, or rows."""
    bins: int = bounded(20, low=2, high=1000)
    """Of equal numbers of rows, in the picture of predicted against actual."""
    baselines: tuple[str, ...] = ("bias", "mf", "ridge", "lightgbm")
    """The models that the others must answer to; those that aren't trained are passed over."""
    slices: Slices = field(default_factory=Slices)


def evaluate(size: str) -> None:
    """Reads the scores of every model in ``rating.models`` and of the ensemble; writes ``metrics/``, ``plots/`` and the
    leaderboard folder.

    Raises:
        InputError: scores are missing, not finite, or of other rows or ratings than the test split's.
    """
    values = params.load()
    settings = params.block(Evaluate, params.get(values, f"{TRACK}.evaluate"), f"params.yaml: {TRACK}.evaluate")
    models = named(values, TRACK, MODELS)
    known(list(settings.baselines), MODELS, f"{TRACK}.evaluate.baselines")
    valid, _ = with_ensemble(size, "valid", scores(size, models, "valid"))
    test, spread = with_ensemble(size, "test", scores(size, models, "test"))
    combined = load(ensemble_folder(size))
    curves = {model: read_curve(TRACK, size, model) for model in models}
    for name in leftovers(TRACK, size, models):
        print(f"warning: {paths.model_scores(size, TRACK, name)} is left over from a model that params.yaml no longer "
              "names; it is not judged", file=sys.stderr)

    of, train = aligned(table.read(size, "test"), test, size), table.read(size, "train")
    seed, units = params.seed(values), drawn_units(settings.unit, of)
    on_valid = {m: Regression(valid.labels, r).estimate() for m, r in valid.ratings.items()}
    statistics = {m: Regression(test.labels, r) for m, r in test.ratings.items()}
    rules = Rules(settings.order, HIGHER, settings.level, settings.baselines)
    with progress.bar(settings.resamples, f"evaluate {size}", "resample") as bar:
        judgement = judge(on_valid, statistics, rules, Resamples(len(test), settings.resamples, seed, units),
                          bar.update, constants=tuple(m for m in models if m == MEAN))
    few = Resamples(len(test), settings.slices.resamples, seed, units)
    ranked = {row.model: test.ratings[row.model] for row in judgement.rows}
    with progress.bar(2 * settings.slices.resamples, f"slices {size}", "resample") as bar:
        parts = judged(settings.slices, slices(settings.slices, of, train), test.labels, ranked, few, settings.level,
                       bar.update)
        held = coverage(combined, test.labels, ranked, spread, few, settings.level, bar.update)

    board = report.write(report.Report(
        size, settings.order, settings.level, settings.bins, judgement, valid, test, curves, parts, held,
        combined.level, (combined.low, combined.high), heading(test, settings, units),
        notes(judgement, settings.level, held, combined)))
    print(leaderboard.render(board))
    print("\nPlots to open:\n  " + "\n  ".join(board.plots))


def aligned(of: Ratings, test: Scores, size: str) -> Ratings:
    """The split's rows, checked against the scores, which name them by their position in the raw file.

    Raises:
        InputError: other rows or ratings: the scores were made before the split was last converted.
    """
    path = paths.split(size, TRACK, "test")
    if not np.array_equal(of.rows, test.rows):
        raise InputError(f"{path}: holds other rows than the scores; run dvc repro train-{TRACK}")
    if not np.array_equal(of.ratings, test.labels.astype(np.float32)):
        raise InputError(f"{path}: its ratings are not those beside the scores; run dvc repro train-{TRACK}")
    return of


def drawn_units(unit: str, of: Ratings) -> np.ndarray | None:
    """(N,) user of each row, or None to draw rows. Every row of an unknown user is a unit of its own."""
    if unit == "row":
        return None
    return np.where(of.users < 0, -1 - np.arange(len(of)), of.users)


def coverage(combined: Ensemble, labels: np.ndarray, ratings: dict[str, np.ndarray], spread: np.ndarray,
             resamples: Resamples, level: float, done: object = None) -> list[dict[str, object]]:
    """One record for each model and level of its intervals: ``model, level, coverage, coverage_low, coverage_high,
    width, normalised``; coverage is the share of ratings inside, with its own interval of ``level``.
    """
    found, statistics = [], []
    for model, rated in ratings.items():
        of = combined.intervals[model]
        levels = sorted(of.quantiles)
        pairs = [of.interval(rated, spread, x) for x in levels]
        # Half a step in float32: a rating on the very end of an interval is inside it.
        inside = np.stack([(labels >= a - 1e-6) & (labels <= b + 1e-6) for a, b in pairs], 1)
        statistics.append(Means(tuple(f"{x:g}" for x in levels), inside))
        found += [{"model": model, "level": x, "coverage": float(inside[:, i].mean()),
                   "width": float((b - a).mean()), "normalised": int(of.floor is not None)}
                  for i, (x, (a, b)) in enumerate(zip(levels, pairs, strict=True))]
    low, high = interval(resample(statistics, resamples, done), level)
    for record, a, b in zip(found, low.ravel(), high.ravel(), strict=True):
        record |= {"coverage_low": float(a), "coverage_high": float(b)}
    return found


def heading(test: Scores, settings: Evaluate, units: np.ndarray | None) -> str:
    """What was judged and how intervals were made, in one line."""
    drawn = "rows" if units is None else f"{len(np.unique(units)):,} users"
    return (f"{len(test):,} ratings, mean {test.labels.mean():.3f}; {100 * settings.level:g}% intervals, "
            f"{settings.resamples:,} resamples of {drawn}; {ENSEMBLE} of {len(test.ratings) - 1}")
