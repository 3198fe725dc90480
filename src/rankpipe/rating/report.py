"""The files that evaluation leaves: metrics and plots for git, the leaderboard folder for the stages after it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import paths
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Board, Column
from rankpipe.plots import coverage as lines
from rankpipe.plots import predicted as panels
from rankpipe.plots import slices as heat
from rankpipe.plots.data import write_csv
from rankpipe.rating.scores import Scores
from rankpipe.rating.table import TRACK
from rankpipe.report import (
    curve_data,
    leaderboard_data,
    leaderboard_picture,
    learning_picture,
    metrics_of,
    write_board,
)

COLUMNS = (Column("rmse", "RMSE", "lower"), Column("mae", "MAE", "lower"), Column("r2", "R²", "higher"))
SLICED = ("column", "value", "rows", "mean", "model", "rmse", "rmse_low", "rmse_high", "mae", "bias")
INTERVALS = ("model", "level", "coverage", "coverage_low", "coverage_high", "width", "normalised")
PNG = ("leaderboard", "predicted", "coverage", "learning_curves", "slices")


@dataclass(frozen=True)
class Report:
    """All that is to be written."""

    size: str
    order: str
    level: float
    bins: int
    judgement: Judgement
    valid: Scores
    test: Scores
    curves: dict[str, list[dict[str, float]]]
    """Model → learning curve."""
    slices: list[dict[str, Any]]
    intervals: list[dict[str, Any]]
    """Model and level → coverage and width."""
    interval_level: float
    """The one that predictions carry."""
    scale: tuple[float, float]
    heading: str
    notes: tuple[str, ...]

    @property
    def models(self) -> list[str]:
        """Best first."""
        return [row.model for row in self.judgement.rows]

    @property
    def moving(self) -> list[str]:
        """Models, best first, but for those that rate everybody alike."""
        return [row.model for row in self.judgement.rows if row.role != "constant"]

    @property
    def subtitle(self) -> str:
        return f"{TRACK} · {self.size} · test: {self.heading}"


def write(report: Report) -> Board:
    """Writes three folders, each whole or not at all, and gives the board that was written."""
    with atomic_folder(paths.metrics(report.size, TRACK)) as folder:
        for row in report.judgement.rows:
            own = next(r for r in report.intervals if r["model"] == row.model and r["level"] == report.interval_level)
            write_json(folder / f"{row.model}.json", metrics_of(
                row, report.order, ("rmse", "mae"), rows=len(report.test), coverage=round(own["coverage"], 6),
                interval_width=round(own["width"], 6)))
    root = paths.plots(report.size, TRACK)
    with atomic_folder(root) as folder:
        _data(report, folder)
        drawn = _pictures(report, folder / "png")
    board = Board(TRACK, report.size, "test", report.heading, report.order, report.judgement.baseline, COLUMNS,
                  report.judgement.rows, report.level, report.notes, tuple(str(root / "png" / name) for name in drawn))
    write_board(board, report.judgement, slices=(SLICED, report.slices), intervals=(INTERVALS, report.intervals))
    return board


def _data(report: Report, folder: Path) -> None:
    for model in report.models:
        write_csv(folder / "predicted" / f"{model}.csv", _bins(report, model))
    curve_data(folder / "curve", report.curves)
    leaderboard_data(folder / "leaderboard.csv", report.judgement, report.order)
    write_csv(folder / "coverage.csv", report.intervals, columns=INTERVALS)


def _bins(report: Report, model: str) -> list[dict[str, float]]:
    """Means of predicted and actual ratings in bins of equal numbers of rows, by rising prediction."""
    rated, labels = report.test.ratings[model], report.test.labels
    # Equal predictions share a bin, so that their order doesn't matter.
    _values, place = np.unique(rated, return_inverse=True)
    counts = np.bincount(place)
    below = np.cumsum(counts) - counts
    bins = (report.bins * below // len(rated))[place]
    rows = np.bincount(bins, minlength=report.bins)
    held = np.flatnonzero(rows)
    sums = [np.bincount(bins, x, report.bins)[held] / rows[held] for x in (rated, labels)]
    return [{"predicted": float(a), "actual": float(b), "rows": int(n)}
            for a, b, n in zip(*sums, rows[held], strict=True)]


def _pictures(report: Report, folder: Path) -> list[str]:
    """Names of the pictures that were drawn."""
    column = next(c for c in COLUMNS if c.key == report.order)
    constants = [row for row in report.judgement.rows if row.role == "constant"]
    note = "; ".join(f"{row.model} for everybody has {row.figures[report.order].value:.4f}" for row in constants)
    leaderboard_picture(folder / "leaderboard.png", report.judgement, column, report.subtitle, note)
    rmse = {row.model: row.figures["rmse"].value for row in report.judgement.rows}
    panels.predicted(folder / "predicted.png", [
        panels.Panel(m, report.test.labels, report.test.ratings[m], _bins(report, m), f"RMSE {rmse[m]:.4f}")
        for m in report.moving], *report.scale, f"{report.subtitle}; thin: 5–95% of predictions, thick: 25–75%")
    lines.coverage(folder / "coverage.png", [_line(report, m) for m in report.moving], report.interval_level,
                   f"{report.subtitle}")
    drawn = ["leaderboard", "predicted", "coverage"]
    valid = f"{TRACK} · {report.size} · valid: {len(report.valid):,} ratings"
    # Where a model chose its λ, a step is a candidate: nothing is learned from one to the next.
    ranked = {m: report.curves[m] for m in report.moving if m in report.curves
              and not any("l2" in key for step in report.curves[m][:1] for key in step)}
    if learning_picture(folder / "learning_curves.png", ranked, "valid_rmse", "lower", valid, "valid RMSE",
                        rounds="sweep, or round of trees"):
        drawn.append("learning_curves")
    if report.slices:
        _heat_map(report, folder)
        drawn.append("slices")
    return [f"{name}.png" for name in PNG if name in drawn]


def _line(report: Report, model: str) -> lines.Line:
    mine = [r for r in report.intervals if r["model"] == model]
    return lines.Line(model, [r["level"] for r in mine],
                      [(r["coverage"], r["coverage_low"], r["coverage_high"]) for r in mine],
                      [r["width"] for r in mine])


def _heat_map(report: Report, folder: Path) -> None:
    by_slice: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for record in report.slices:
        by_slice.setdefault((record["column"], record["value"]), {})[record["model"]] = record
    values = np.array([[math.nan if (v := of[m]["rmse"]) is None else v for m in report.models]
                       for of in by_slice.values()])
    words = [(*key, "{rows:,} rows, mean {mean:.2f}".format(**of[report.models[0]])) for key, of in by_slice.items()]
    heat.heat_map(folder / "slices.png", values, words, report.models, "RMSE by slice",
                  f"{report.subtitle}; best of each slice in bold", better="lower")
