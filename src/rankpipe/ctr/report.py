"""The files that evaluation leaves: metrics and plots for git, the leaderboard folder for the stages after it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import paths
from rankpipe.ctr.judgement import CONSTANT, Rules
from rankpipe.ctr.scores import Scores
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Board, Column, Row
from rankpipe.metrics import curves
from rankpipe.metrics.calibration import reliability
from rankpipe.plots import calibration
from rankpipe.plots import curves as pictures
from rankpipe.plots import slices as heat
from rankpipe.plots.data import write_csv
from rankpipe.report import (
    curve_data,
    leaderboard_data,
    leaderboard_picture,
    learning_picture,
    metrics_of,
    three,
    words,
    write_board,
)

TRACK = "ctr"
COLUMNS = (Column("auc", "AUC", "higher"), Column("average_precision", "AP", "higher"),
           Column("logloss", "logloss", "lower"), Column("normalised_entropy", "NE", "lower"),
           Column("calibration_error", "ECE", "lower"), Column("score", "score", "higher"),
           Column("score_shifted", "shifted", "higher"))
SLICED = ("column", "value", "rows", "clicks", "rate", "model", "auc", "auc_low", "auc_high", "logloss",
          "normalised_entropy", "predicted_over_actual")
VALID = ("auc", "average_precision", "logloss")
PNG = ("leaderboard", "roc", "precision_recall", "calibration", "learning_curves", "slices")


@dataclass(frozen=True)
class Report:
    """All that is to be written."""

    size: str
    rules: Rules
    judgement: Judgement
    slices: list[dict[str, Any]]
    valid: Scores
    test: Scores
    curves: dict[str, list[dict[str, float]]]
    """Model → learning curve."""
    heading: str
    notes: tuple[str, ...]

    @property
    def ranked(self) -> list[Row]:
        """Models, best first, without the constant."""
        return [row for row in self.judgement.rows if row.model != CONSTANT]

    @property
    def subtitle(self) -> str:
        return f"{TRACK} · {self.size} · test: {self.heading}"

    def split(self, name: str) -> str:
        """What a split holds, in words."""
        of = self.valid if name == "valid" else self.test
        return f"{TRACK} · {self.size} · {name}: {len(of):,} rows, {int(of.labels.sum()):,} clicks"


def write(report: Report) -> Board:
    """Writes three folders, each whole or not at all, and gives the board that was written."""
    with atomic_folder(paths.metrics(report.size, TRACK)) as folder:
        for row in report.ranked:
            write_json(folder / f"{row.model}.json", metrics_of(row, report.rules.order, VALID, rows=len(report.test)))
    root = paths.plots(report.size, TRACK)
    with atomic_folder(root) as folder:
        _data(report, folder)
        drawn = _pictures(report, folder / "png")
    held = report.judgement.rows[0].figures
    board = Board(TRACK, report.size, "test", report.heading, report.rules.order, report.judgement.baseline,
                  tuple(c for c in COLUMNS if c.key in held), report.judgement.rows, report.rules.level,
                  report.notes, tuple(str(root / "png" / name) for name in drawn))
    write_board(board, report.judgement, slices=(SLICED, report.slices))
    return board


def _data(report: Report, folder: Path) -> None:
    labels = report.test.labels
    for model, p in report.test.probabilities.items():
        for name, columns, points in (("roc", ("fpr", "tpr"), curves.roc(labels, p)),
                                      ("pr", ("recall", "precision"), curves.precision_recall(labels, p))):
            write_csv(folder / name / f"{model}.csv",
                      (dict(zip(columns, map(float, point), strict=True)) for point in zip(*points, strict=True)))
        write_csv(folder / "calibration" / f"{model}.csv", _bins(report, model))
    curve_data(folder / "curve", report.curves)
    leaderboard_data(folder / "leaderboard.csv", report.judgement, report.rules.order)


def _bins(report: Report, model: str) -> list[dict[str, float]]:
    return reliability(report.test.labels, report.test.probabilities[model], bins=report.rules.bins,
                       binning=report.rules.binning)


def _pictures(report: Report, folder: Path) -> list[str]:
    """Names of the pictures that were drawn."""
    labels, order = report.test.labels, report.rules.order
    column = next(c for c in COLUMNS if c.key == order)
    models = [row.model for row in report.ranked]
    lines = {key: [pictures.Curve(row.model, *curve(labels, report.test.probabilities[row.model]),
                                  words(row.figures[key]), row.role == "baseline") for row in report.ranked]
             for key, curve in (("auc", curves.roc), ("average_precision", curves.precision_recall))}
    pictures.roc(folder / "roc.png", lines["auc"], report.subtitle, "AUC")
    pictures.precision_recall(folder / "precision_recall.png", lines["average_precision"], report.subtitle, "AP",
                              report.test.rate)
    panels = {row.model: (_bins(report, row.model), f"ECE {row.figures['calibration_error'].value:.4f}")
              for row in report.ranked}
    equal = "numbers of rows" if report.rules.binning == "mass" else "width"
    calibration.calibration(folder / "calibration.png", panels, f"{report.split('test')}; {report.rules.bins} bins of "
                            f"equal {equal}, bars: 95% Wilson intervals")

    constant = next(row for row in report.judgement.rows if row.model == CONSTANT)
    leaderboard_picture(folder / "leaderboard.png", report.judgement, column, report.subtitle,
                        f"a constant rate for everybody has {three(constant.figures[order])[0]:.4f}")
    drawn = ["leaderboard", "roc", "precision_recall", "calibration"]
    if _learning(report, folder, column):
        drawn.append("learning_curves")
    if report.slices:
        _heat_map(report, folder, models)
        drawn.append("slices")
    return [f"{name}.png" for name in PNG if name in drawn]


def _learning(report: Report, folder: Path, column: Column) -> bool:
    """False where no model has a curve of the order metric, or of AUC."""
    ranked = {row.model: report.curves[row.model] for row in report.ranked}
    return any(learning_picture(folder / "learning_curves.png", ranked, key, better, report.split("valid"),
                                key.replace("_", " ").replace("auc", "AUC"))
               for key, better in ((f"valid_{column.key}", column.better), ("valid_auc", "higher")))


def _heat_map(report: Report, folder: Path, models: list[str]) -> None:
    by_slice: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for record in report.slices:
        by_slice.setdefault((record["column"], record["value"]), {})[record["model"]] = record
    values = np.array([[math.nan if (v := of[m]["auc"]) is None else v for m in models] for of in by_slice.values()])
    labels = [(*key, "{rows:,} rows, {clicks:,} clicks".format(**of[models[0]])) for key, of in by_slice.items()]
    heat.heat_map(folder / "slices.png", values, labels, models, "AUC by slice",
                  f"{report.split('test')}; best of each slice in bold, intervals in slices.csv")
