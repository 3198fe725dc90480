"""The files that evaluation leaves: metrics and plots for git, the leaderboard folder for the stages after it."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import leaderboard, paths
from rankpipe.ctr.judgement import CONSTANT, Judgement, Rules
from rankpipe.ctr.scores import Scores
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.leaderboard import Board, Column, Figure, Row
from rankpipe.metrics import curves
from rankpipe.metrics.calibration import reliability
from rankpipe.plots import calibration, learning
from rankpipe.plots import curves as pictures
from rankpipe.plots import leaderboard as chart
from rankpipe.plots import slices as heat
from rankpipe.plots.data import thinned, write_csv

TRACK = "ctr"
COLUMNS = (Column("auc", "AUC", "higher"), Column("average_precision", "AP", "higher"),
           Column("logloss", "logloss", "lower"), Column("normalised_entropy", "NE", "lower"),
           Column("calibration_error", "ECE", "lower"), Column("score", "score", "higher"),
           Column("score_shifted", "shifted", "higher"))
PAIRED = ("metric", "model_a", "model_b", "difference", "low", "high", "standard_error", "p", "p_holm")
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
            write_json(folder / f"{row.model}.json", metrics(row, report.rules.order, len(report.test)))
    root = paths.plots(report.size, TRACK)
    with atomic_folder(root) as folder:
        _data(report, folder)
        drawn = _pictures(report, folder / "png")
    held = report.judgement.rows[0].figures
    board = Board(TRACK, report.size, "test", report.heading, report.rules.order, report.judgement.baseline,
                  tuple(c for c in COLUMNS if c.key in held), report.judgement.rows, report.rules.level,
                  report.notes, tuple(str(root / "png" / name) for name in drawn))
    with atomic_folder(paths.leaderboard(report.size, TRACK)) as folder:
        leaderboard.save(board, folder / leaderboard.FILE)
        write_csv(folder / "leaderboard.csv", leaderboard.flat(board))
        write_csv(folder / "paired.csv", report.judgement.pairs, columns=PAIRED)
        write_csv(folder / "slices.csv", report.slices, columns=SLICED)
    return board


def metrics(row: Row, order: str, rows: int) -> dict[str, float | int | None]:
    """Flat and few keys: what ``dvc metrics diff`` shows. The leaderboard has every interval."""
    figure = row.figures[order]
    return {**{key: f.value for key, f in row.figures.items()},
            f"{order}_low": figure.low, f"{order}_high": figure.high,
            **{f"valid_{key}": row.valid[key] for key in dict.fromkeys((order, *VALID))}, "rows": rows}


def _data(report: Report, folder: Path) -> None:
    labels = report.test.labels
    (folder / "curve").mkdir()  # the stage promises it, also where no model has a curve
    for model, p in report.test.probabilities.items():
        for name, columns, points in (("roc", ("fpr", "tpr"), curves.roc(labels, p)),
                                      ("pr", ("recall", "precision"), curves.precision_recall(labels, p))):
            write_csv(folder / name / f"{model}.csv",
                      (dict(zip(columns, map(float, point), strict=True)) for point in zip(*points, strict=True)))
        write_csv(folder / "calibration" / f"{model}.csv", _bins(report, model))
        steps = report.curves[model]
        if steps:
            write_csv(folder / "curve" / f"{model}.csv", ({k: _tidy(v) for k, v in steps[i].items()}
                                                          for i in thinned(len(steps), curves.POINTS)))
    best = ((row.model, row.figures[report.rules.order]) for row in report.judgement.rows)
    write_csv(folder / "leaderboard.csv", ({"model": model, **asdict(figure)} for model, figure in best))


def _bins(report: Report, model: str) -> list[dict[str, float]]:
    return reliability(report.test.labels, report.test.probabilities[model], bins=report.rules.bins,
                       binning=report.rules.binning)


def _pictures(report: Report, folder: Path) -> list[str]:
    """Names of the pictures that were drawn."""
    labels, order = report.test.labels, report.rules.order
    column = next(c for c in COLUMNS if c.key == order)
    models = [row.model for row in report.ranked]
    lines = {key: [pictures.Curve(row.model, *curve(labels, report.test.probabilities[row.model]),
                                  _words(row.figures[key]), row.role == "baseline") for row in report.ranked]
             for key, curve in (("auc", curves.roc), ("average_precision", curves.precision_recall))}
    pictures.roc(folder / "roc.png", lines["auc"], report.subtitle, "AUC")
    pictures.precision_recall(folder / "precision_recall.png", lines["average_precision"], report.subtitle, "AP",
                              report.test.rate)
    panels = {row.model: (_bins(report, row.model), f"ECE {row.figures['calibration_error'].value:.4f}")
              for row in report.ranked}
    equal = "numbers of rows" if report.rules.binning == "mass" else "width"
    calibration.calibration(folder / "calibration.png", panels, f"{report.split('test')}; {report.rules.bins} bins of "
                            f"equal {equal}, bars: 95% Wilson intervals")

    bars = {row.model: chart.Bar(row.model, *_three(row.figures[order]), _words(row.figures[order]) + _gap(row),
                                 row.role == "baseline")
            for row in report.judgement.rows}
    constant = bars.pop(CONSTANT)
    band = bars.get(report.judgement.baseline, constant)
    chart.leaderboard(folder / "leaderboard.png", list(bars.values()), band, report.subtitle, column.title,
                      f"band: {band.model}, the best baseline on valid; ▲ better, ▼ worse, · undecided against it\n"
                      f"a constant rate for everybody has {constant.value:.4f}")
    drawn = ["leaderboard", "roc", "precision_recall", "calibration"]
    if _learning(report, folder, models, column):
        drawn.append("learning_curves")
    if report.slices:
        _heat_map(report, folder, models)
        drawn.append("slices")
    return [f"{name}.png" for name in PNG if name in drawn]


def _learning(report: Report, folder: Path, models: list[str], column: Column) -> bool:
    """False where no model has a curve of the order metric, or of AUC."""
    for key, higher in ((f"valid_{column.key}", column.better == "higher"), ("valid_auc", True)):
        measured = {m: [s for s in report.curves[m] if not math.isnan(s.get(key, math.nan))] for m in models}
        held = {m: steps for m, steps in measured.items() if steps}
        x = next((name for name in ("epoch", "step") if held and all(name in c[0] for c in held.values())), None)
        if x is not None:
            lines = {m: ([s[x] for s in c], [s[key] for s in c]) for m, c in held.items()}
            learning.learning_curves(folder / "learning_curves.png", lines,
                                     f"{report.split('valid')}; a ring marks a model's best evaluation",
                                     f"{x}, or round of trees", key.replace("_", " ").replace("auc", "AUC"), higher)
            return True
    return False


def _heat_map(report: Report, folder: Path, models: list[str]) -> None:
    by_slice: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for record in report.slices:
        by_slice.setdefault((record["column"], record["value"]), {})[record["model"]] = record
    values = np.array([[math.nan if (v := of[m]["auc"]) is None else v for m in models] for of in by_slice.values()])
    words = [(*key, "{rows:,} rows, {clicks:,} clicks".format(**of[models[0]])) for key, of in by_slice.items()]
    heat.heat_map(folder / "slices.png", values, words, models, "AUC by slice",
                  f"{report.split('test')}; best of each slice in bold, intervals in slices.csv")


def _three(figure: Figure) -> tuple[float, float, float]:
    return tuple(math.nan if v is None else v for v in (figure.value, figure.low, figure.high))  # type: ignore[return-value]


def _words(figure: Figure) -> str:
    return "{:.4f} [{:.4f}, {:.4f}]".format(*_three(figure))


def _gap(row: Row) -> str:
    return f"  {row.gap.value:+.4f} {leaderboard.MARKS[row.gap.verdict]}" if row.gap else ""


def _tidy(value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
