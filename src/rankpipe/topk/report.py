"""The files that evaluation leaves: metrics and plots for git, the leaderboard folder for the stages after it."""

import dataclasses
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import paths
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Board, Column, Figure, Row
from rankpipe.metrics.topk import counts
from rankpipe.plots import agreement as scatter
from rankpipe.plots import cutoffs, shares
from rankpipe.plots import slices as heat
from rankpipe.plots.data import thinned, write_csv
from rankpipe.report import (
    curve_data,
    leaderboard_data,
    leaderboard_picture,
    learning_picture,
    metrics_of,
    three,
    write_board,
)
from rankpipe.topk.dataset import Dataset
from rankpipe.topk.judging import TASK, Agreement, Lists
from rankpipe.topk.slices import popularity_groups

TRACK = "topk"
COLUMNS = (Column("recall_at_10", "recall@10", "higher"), Column("full_recall_at_10", "of all", "higher"),
           Column("ndcg_at_10", "nDCG@10", "higher"), Column("coverage", "coverage", "higher", 3),
           Column("gini", "Gini", "lower", 3), Column("novelty", "novelty", "higher", 2))
MEASURED = ("hit_at_10", "mrr_at_10", "map_at_10")
"""In the files of metrics beside the columns; what else is measured stands in leaderboard.csv."""
SLICED = ("column", "value", "users", "hidden", "model", "recall_at_10", "low", "high")
AGREED = ("model", "valid", "valid_low", "valid_high", "test", "test_low", "test_high")
CORRELATED = ("measure", "models", "value", "low", "high")
VALID = ("recall_at_10", "ndcg_at_10")
POINTS = 60
PNG = ("leaderboard", "recall_at_k", "learning_curves", "agreement", "popularity", "slices")


@dataclass(frozen=True)
class Report:
    """All that is to be written."""

    size: str
    order: str
    level: float
    judgement: Judgement
    test: dict[str, Lists]
    """Model → its lists for the users of test."""
    data: Dataset
    slices: list[dict[str, Any]]
    popularity: int
    """Groups of items in the picture of popularity."""
    agreement: Agreement
    curves: dict[str, list[dict[str, float]]]
    """Model → learning curve."""
    heading: str
    notes: tuple[str, ...]

    @property
    def subtitle(self) -> str:
        return f"{TRACK} · {self.size} · test: {self.heading}"

    @property
    def column(self) -> Column:
        """Of the order metric, which may be one that the board doesn't show otherwise."""
        own = Column(self.order, self.order.replace("_at_", "@").replace("ndcg", "nDCG"), "higher")
        return next((c for c in COLUMNS if c.key == self.order), own)


def write(report: Report) -> Board:
    """Writes three folders, each whole or not at all, and gives the board that was written."""
    columns = COLUMNS if report.column in COLUMNS else (report.column, *COLUMNS)
    shown = {*(c.key for c in columns), *MEASURED}
    with atomic_folder(paths.metrics(report.size, TRACK)) as folder:
        for row in report.judgement.rows:
            short = dataclasses.replace(row, figures={k: f for k, f in row.figures.items() if k in shown})
            write_json(folder / f"{row.model}.json", metrics_of(short, report.order, VALID,
                                                                users=len(report.test[row.model].found)))
    root = paths.plots(report.size, TRACK)
    with atomic_folder(root) as folder:
        divided = list(_divided(report))
        _data(report, divided, folder)
        drawn = _pictures(report, divided, folder / "png")
    board = Board(TRACK, report.size, "test", report.heading, report.order, report.judgement.baseline, columns,
                  report.judgement.rows, report.level, report.notes, tuple(str(root / "png" / name) for name in drawn))
    agreed = [{"model": model, **_three(valid, "valid"), **_three(test, "test")} for model, valid, test in
              zip(report.agreement.models, report.agreement.valid, report.agreement.test, strict=True)]
    correlated = [{"measure": name, "models": len(agreed), **dataclasses.asdict(getattr(report.agreement, name))}
                  for name in ("spearman", "kendall")]
    write_board(board, report.judgement, slices=(SLICED, report.slices), agreement=(AGREED, agreed),
                rank_correlation=(CORRELATED, correlated))
    return board


def _three(figure: Figure, name: str) -> dict[str, float | None]:
    return {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}


def at_every_k(lists: Lists, sizes: np.ndarray) -> np.ndarray:
    """(K,) the mean over users of hits / min(k, hidden) for k from 1 to the lists' length."""
    found = lists.found.cumsum(axis=1)
    return (found / np.minimum(np.arange(1, found.shape[1] + 1), sizes[:, None])).mean(axis=0)


def _divided(report: Report) -> Iterable[tuple[str, np.ndarray]]:
    """How rows, or places in the lists, fall to the groups of popularity: (groups,) numbers for each line."""
    of, _ = _groups(report)
    for name, items in (("rows of train", report.data.train.items), ("hidden rows", report.data.test.items)):
        yield name, np.bincount(of[items], minlength=of.max() + 1)
    for row in report.judgement.rows:
        yield row.model, np.bincount(of, counts(report.test[row.model].shown, len(of), TASK), of.max() + 1)


def _groups(report: Report) -> tuple[np.ndarray, list[str]]:
    return popularity_groups(report.data.train.popularity(), report.popularity)


def _data(report: Report, divided: list[tuple[str, np.ndarray]], folder: Path) -> None:
    sizes = _sizes(report)
    for model, lists in report.test.items():
        values = at_every_k(lists, sizes)
        write_csv(folder / "recall_at_k" / f"{model}.csv",
                  ({"k": i + 1, "recall": float(values[i])} for i in thinned(len(values), POINTS)))
    curve_data(folder / "curve", report.curves)
    leaderboard_data(folder / "leaderboard.csv", report.judgement, report.order)
    write_csv(folder / "popularity.csv",
              ({"name": name, "items": group, "share": float(n / max(1, numbers.sum()))}
               for name, numbers in divided for group, n in zip(_groups(report)[1], numbers, strict=True)))


def _sizes(report: Report) -> np.ndarray:
    """(U,) hidden rows of each user of test."""
    sizes = np.diff(report.data.test.offsets)
    return sizes[sizes > 0]


def _pictures(report: Report, divided: list[tuple[str, np.ndarray]], folder: Path) -> list[str]:
    """Names of the pictures that were drawn."""
    rows = {row.model: row for row in report.judgement.rows}
    baselines = tuple(model for model, row in rows.items() if row.role == "baseline")
    leaderboard_picture(folder / "leaderboard.png", report.judgement, report.column, report.subtitle)
    sizes = _sizes(report)
    cutoffs.cutoffs(folder / "recall_at_k.png", {model: at_every_k(report.test[model], sizes) for model in rows},
                    baselines, TASK, report.subtitle, "hits / min(k, hidden), mean over users")
    drawn = ["leaderboard", "recall_at_k", "popularity"]
    valid = f"{TRACK} · {report.size} · valid"
    ranked = {model: report.curves[model] for model in rows}
    if any(learning_picture(folder / "learning_curves.png", ranked, f"valid_{key}", "higher", valid,
                            f"valid {key.replace('_at_', '@')}", rounds="")
           for key in dict.fromkeys((report.order, "recall_at_10"))):
        drawn.append("learning_curves")
    points = [scatter.Point(model, three(a), three(b), model in baselines) for model, a, b in
              zip(report.agreement.models, report.agreement.valid, report.agreement.test, strict=True)]
    if len(points) > 1:
        scatter.agreement(folder / "agreement.png", points, report.subtitle,
                          (f"{report.column.title} on valid", f"{report.column.title} on test"),
                          [f"Spearman {correlation(report.agreement.spearman)}",
                           f"Kendall  {correlation(report.agreement.kendall)}"])
        drawn.append("agreement")
    lines = [shares.Line(name, numbers / max(1, numbers.sum()), _words(rows.get(name)), name not in rows)
             for name, numbers in divided]
    shares.shares(folder / "popularity.png", lines, _groups(report)[1], "Popularity: where the places in the lists go",
                  f"{report.subtitle}", f"share of rows, or of the first {TASK} places; items by their rows in train",
                  f"{'coverage':>8} {'Gini':>5} {'novelty':>7}")
    if report.slices:
        _heat_map(report, folder, list(rows))
        drawn.append("slices")
    return [f"{name}.png" for name in PNG if name in drawn]


def correlation(figure: Figure) -> str:
    """``0.964 [0.891, 0.988]``, or that there is none."""
    return "undefined" if figure.value is None else "{:.3f} [{:.3f}, {:.3f}]".format(*three(figure))


def _words(row: Row | None) -> str:
    if row is None:
        return ""
    coverage, gini, novelty = (three(row.figures[key])[0] for key in ("coverage", "gini", "novelty"))
    return f"{coverage:8.3f} {gini:5.3f} {novelty:7.2f}"


def _heat_map(report: Report, folder: Path, models: list[str]) -> None:
    by_slice: dict[tuple[str, str], dict[str, dict[str, Any]]] = {}
    for record in report.slices:
        by_slice.setdefault((record["column"], record["value"]), {})[record["model"]] = record
    values = np.array([[math.nan if (v := of[m]["recall_at_10"]) is None else v for m in models]
                       for of in by_slice.values()])
    labels = [(*key, "{users:,} users, {hidden:,} rows".format(**of[models[0]])) for key, of in by_slice.items()]
    heat.heat_map(folder / "slices.png", values, labels, models, "recall@10 by slice of the hidden rows",
                  f"{report.subtitle}; best in bold")
