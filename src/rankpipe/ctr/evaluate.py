"""Judges all models of one size on the same rows: metrics, leaderboard, paired tests, slices, plots."""

import sys
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from rankpipe import leaderboard, params, paths, progress
from rankpipe.cells import known, leftovers, named, read_curve
from rankpipe.ctr import report
from rankpipe.ctr.judgement import CONSTANT, Rules, judge
from rankpipe.ctr.models import MODELS
from rankpipe.ctr.scores import Scores, scores
from rankpipe.ctr.slices import Slices, Table, judged, slices, table
from rankpipe.errors import InputError
from rankpipe.judgement import Judgement
from rankpipe.metrics.bootstrap import Resamples
from rankpipe.params import bounded

TRACK = "ctr"


@dataclass(frozen=True)
class Evaluate:
    """The block ``ctr.evaluate`` of params.yaml."""

    order: Literal["auc", "average_precision", "logloss", "score", "score_shifted"] = "auc"
    """The metric that ranks the models."""
    resamples: int = bounded(1000, low=20)
    level: float = bounded(0.95, low=0.5, below=1)
    """Of all intervals; 1 − level is the error rate of the verdicts."""
    unit: Literal["auto", "row", "group"] = "auto"
    """What is drawn again: rows, or whole groups (users) of the schema's group column. auto: groups if any."""
    bins: int = bounded(15, low=2, high=1000)
    binning: Literal["mass", "width"] = "mass"
    """Bins of the calibration error: of equal numbers of rows, or of equal width."""
    prior_shift: Literal["valid", "none"] = "valid"
    """valid: the task's score also after ln((1 − π)/π) on the logit, π valid's click rate. No other metric shifts."""
    baselines: tuple[str, ...] = ("lr", "lightgbm")
    """The models that the others must answer to; those that aren't trained are passed over."""
    slices: Slices = field(default_factory=Slices)

    def __post_init__(self) -> None:
        if self.order == "score_shifted" and self.prior_shift == "none":
            raise ValueError("order score_shifted needs prior_shift: valid")


def evaluate(size: str) -> None:
    """Reads the scores of every model in ``ctr.models`` and writes ``metrics/``, ``plots/`` and the leaderboard folder.

    Raises:
        InputError: scores are missing, not finite, or of other rows or labels than the test split's; one class only.
    """
    values = params.load()
    settings = params.block(Evaluate, params.get(values, "ctr.evaluate"), "params.yaml: ctr.evaluate")
    models = named(values, TRACK, MODELS)
    known(list(settings.baselines), MODELS, "ctr.evaluate.baselines")
    valid, test = scores(size, models, "valid"), scores(size, models, "test")
    curves = {model: read_curve(TRACK, size, model) for model in models}
    for name in leftovers(TRACK, size, models):
        print(f"warning: {paths.model_scores(size, TRACK, name)} is left over from a model that params.yaml no longer "
              "names; it is not judged", file=sys.stderr)

    of = aligned(table(paths.split(size, TRACK, "test"), settings.slices.columns), test, size)
    seed = params.seed(values)
    units = drawn_units(settings.unit, of)
    rules = Rules(settings.order, settings.level, settings.bins, settings.binning, settings.prior_shift == "valid",
                  settings.baselines)
    found = slices(settings.slices, of)
    with progress.bar(settings.resamples, f"evaluate {size}", "resample") as bar:
        judgement = judge(valid, test, rules, Resamples(len(test), settings.resamples, seed, units), bar.update)
    with progress.bar(settings.slices.resamples, f"slices {size}", "resample") as bar:
        ranked = {row.model: test.probabilities[row.model] for row in judgement.rows if row.model != CONSTANT}
        parts = judged(settings.slices, found, test.labels, ranked,
                       Resamples(len(test), settings.slices.resamples, seed, units), settings.level, bar.update)

    board = report.write(report.Report(size, rules, judgement, parts, valid, test, curves,
                                       heading(test, settings, units), notes(settings, judgement, valid)))
    print(leaderboard.render(board))
    print("\nPlots to open:\n  " + "\n  ".join(board.plots))


def aligned(of: Table, test: Scores, size: str) -> Table:
    """The table's rows in the order of the scores, which name rows by their position in the split or in the raw file.

    Raises:
        InputError: other rows or labels: the scores were made before the split was last converted.
    """
    path = paths.split(size, TRACK, "test")
    by_place = np.array_equal(test.rows, np.arange(len(of.rows)))
    order = np.arange(len(of.rows)) if by_place else np.argsort(of.rows, kind="stable")
    if not by_place and not np.array_equal(of.rows[order], test.rows):
        raise InputError(f"{path}: holds other rows than the scores; run dvc repro train-{TRACK}")
    if not np.array_equal(of.labels[order], test.labels):
        raise InputError(f"{path}: its labels are not those beside the scores; run dvc repro train-{TRACK}")
    return Table(of.rows[order], of.labels[order], None if of.groups is None else of.groups[order],
                 {c: codes[order] for c, codes in of.codes.items()}, of.words,
                 {g: n[order] for g, n in of.lengths.items()})


def drawn_units(unit: str, of: Table) -> np.ndarray | None:
    """(N,) group of each row, or None to draw rows. A row without a group is a group of its own.

    Raises:
        InputError: groups are asked for and the schema names none.
    """
    if unit == "group" and of.groups is None:
        raise InputError("params.yaml: ctr.evaluate.unit: group needs ctr.schema.group, the column of the groups")
    if unit == "row" or of.groups is None:
        return None
    return np.where(of.groups < 0, -1 - np.arange(len(of.groups)), of.groups)


def heading(test: Scores, settings: Evaluate, units: np.ndarray | None) -> str:
    """What was judged and how intervals were made, in one line."""
    drawn = "rows" if units is None else f"{len(np.unique(units)):,} groups"
    return (f"{len(test):,} rows, {int(test.labels.sum()):,} clicks ({test.rate:.2%}); "
            f"{100 * settings.level:g}% intervals, {settings.resamples:,} resamples of {drawn}")


def notes(settings: Evaluate, judgement: Judgement, valid: Scores) -> tuple[str, ...]:
    """The lines under the table."""
    compared = sum(row.gap is not None for row in judgement.rows)
    shown = [f"Δ: against {judgement.baseline}, the best baseline (°) on valid: ▲ better, ▼ worse, · undecided",
             f"   (differences on the same resamples, Holm over {compared}, {100 - 100 * settings.level:g}%)",
             f"{CONSTANT}: valid's click rate π = {valid.rate:.4f} for every row"]
    if settings.prior_shift == "valid":
        shown.append("score: the task's; shifted: after ln((1 − π)/π) on the logit, since it asks for a 50:50 prior")
    return tuple(shown)
