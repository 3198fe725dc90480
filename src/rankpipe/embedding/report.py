"""The files that evaluation leaves: metrics and plots for git, the leaderboard folder for the stages after it."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe import paths
from rankpipe.cells import Curve
from rankpipe.embedding.facts import Facts
from rankpipe.embedding.judging import GAINS, SLICED
from rankpipe.embedding.scores import Scores
from rankpipe.embedding.table import TRACK
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Board, Column, Figure, Row
from rankpipe.metrics.similarity import HIGHER, Cuts
from rankpipe.plots import cosines, links, pieces
from rankpipe.plots import slices as heat
from rankpipe.plots.data import write_csv
from rankpipe.report import (
    curve_data,
    leaderboard_data,
    leaderboard_picture,
    learning_picture,
    metrics_of,
    three,
    write_board,
)

TITLES = {"spearman": "Spearman", "pearson": "Pearson", "auc": "AUC", "similar": "similar", "different": "different",
          "gap": "gap"}
COLUMNS = (*(Column(key, title, "higher" if HIGHER[key] else "lower", 4 if key == "spearman" else 3)
             for key, title in TITLES.items()),
           Column("spearman_sd", "± seeds", "lower", 4), Column("alignment", "align", "lower", 3),
           Column("uniformity", "uniform", "lower", 3), Column("tokens_per_word", "tok/word", "lower", 2))
"""Those after the gap have no interval: they aren't drawn again with the pairs."""
BINNED = ("cosine", "similar", "different")
FLOOR = "tfidf"
"""The model outside the chain that every link is held against."""
PNG = ("leaderboard", "links", "cosines", "tokens", "learning_curves", "slices")


@dataclass(frozen=True)
class Report:
    """All that is to be written."""

    size: str
    order: str
    level: float
    bins: int
    cuts: Cuts
    judgement: Judgement
    test: Scores
    models: list[str]
    """In the order of params.yaml, which is that of the chain."""
    starts: Mapping[str, str]
    """Model → the one it started from."""
    sd: Mapping[str, Mapping[str, float]]
    """Model → metric → standard deviation over its runs; NaN of one run."""
    runs: list[dict[str, Any]]
    gains: list[dict[str, Any]]
    slices: list[dict[str, Any]]
    facts: Mapping[str, Facts]
    curves: Mapping[str, Mapping[int, Curve]]
    """Model → seed → learning curve."""
    heading: str
    notes: tuple[str, ...]

    @property
    def rows(self) -> tuple[Row, ...]:
        """Those of the judgement, with the columns that aren't drawn again."""
        return tuple(replace(row, figures=row.figures | {
            "spearman_sd": _figure(self.sd[row.model]["spearman"]),
            **{key: _figure(value) for key, value in self.facts[row.model].shown().items()}})
            for row in self.judgement.rows)

    @property
    def column(self) -> Column:
        """Of the order metric."""
        return next(c for c in COLUMNS if c.key == self.order)

    @property
    def subtitle(self) -> str:
        return f"{TRACK} · {self.size} · test: {self.heading}"


def write(report: Report) -> Board:
    """Writes three folders, each whole or not at all, and gives the board that was written."""
    with atomic_folder(paths.metrics(report.size, TRACK)) as folder:
        for row in report.rows:
            known = replace(row, figures={key: f for key, f in row.figures.items()
                                         if f.value is not None or key in TITLES})
            write_json(folder / f"{row.model}.json", metrics_of(
                known, report.order, ("spearman", "auc"), pairs=len(report.test),
                runs=len(report.test.cosines[row.model])))
    root = paths.plots(report.size, TRACK)
    with atomic_folder(root) as folder:
        _data(report, folder)
        drawn = _pictures(report, folder / "png")
    board = Board(TRACK, report.size, "test", report.heading, report.order, report.judgement.baseline, COLUMNS,
                  report.rows, report.level, report.notes, tuple(str(root / "png" / name) for name in drawn))
    write_board(board, report.judgement, runs=(list(report.runs[0]), report.runs), links=(GAINS, report.gains),
                slices=(SLICED, report.slices))
    return board


def histogram(report: Report, model: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges (B + 1,), and shares (B,) of similar and of different pairs, over all runs of the model."""
    cosine = np.stack(list(report.test.cosines[model].values()))  # (runs, n)
    edges, labels, near = np.linspace(-1, 1, report.bins + 1), report.test.labels, 1e-6
    found = []
    for which in (labels >= report.cuts.similar - near, labels <= report.cuts.different + near):
        counts = np.histogram(np.clip(cosine[:, which], -1, 1), edges)[0]
        found.append(counts / max(1, counts.sum()))
    return edges, found[0], found[1]


def _data(report: Report, folder: Path) -> None:
    leaderboard_data(folder / "leaderboard.csv", report.judgement, report.order)
    curve_data(folder / "curve", _lines(report))
    for model in report.models:
        edges, similar, different = histogram(report, model)
        write_csv(folder / "cosines" / f"{model}.csv", (
            {"cosine": float(at), "similar": float(a), "different": float(b)}
            for at, a, b in zip((edges[1:] + edges[:-1]) / 2, similar, different, strict=True)), columns=BINNED)
    write_csv(folder / "links.csv", report.gains, columns=GAINS)


def _lines(report: Report) -> dict[str, Curve]:
    """``simcse``, or ``simcse-7`` and so on where a model has several runs → learning curve."""
    return {model if len(of) == 1 else f"{model}-{seed}": curve for model, of in report.curves.items()
            for seed, curve in of.items()}


def _means(report: Report) -> dict[str, Curve]:
    """Model → valid Spearman after each epoch, mean over the runs, as far as all of them went; empty if untrained."""
    found: dict[str, Curve] = {}
    for model, runs in report.curves.items():
        found[model] = [{"epoch": step[0]["epoch"],
                         "valid_spearman": float(np.mean([s["valid_spearman"] for s in step]))}
                        for step in zip(*runs.values(), strict=False)]
    return found


def _pictures(report: Report, folder: Path) -> list[str]:
    """Names of the pictures that were drawn."""
    leaderboard_picture(folder / "leaderboard.png", report.judgement, report.column, report.subtitle)
    figures = {row.model: row.figures for row in report.judgement.rows}
    points = {model: links.Link(model, *three(figures[model][report.order]),
                                tuple(run[report.order] for run in report.runs if run["model"] == model),
                                report.starts.get(model)) for model in report.models}
    floor = points.pop(FLOOR, None)
    links.links(folder / "links.png", list(points.values()), floor, report.subtitle, f"test {report.column.title}")
    cosines.histograms(folder / "cosines.png", [_panel(report, model, figures[model]) for model in report.models],
                       f"{report.subtitle}; similar: ≥ {report.cuts.similar:g}, different: ≤ "
                       f"{report.cuts.different:g} of 1")
    drawn = ["leaderboard", "links", "cosines"]
    cut = _cuttings(report)
    if cut:
        pieces.pieces(folder / "tokens.png", cut, f"{TRACK} · {report.size} · sentences that were kept back",
                      report.models)
        drawn.append("tokens")
    if learning_picture(folder / "learning_curves.png", _means(report), "valid_spearman", "higher",
                        f"{TRACK} · {report.size} · valid, mean of the runs", "valid Spearman", rounds=""):
        drawn.append("learning_curves")
    if report.slices:
        _heat_map(report, folder)
        drawn.append("slices")
    return [f"{name}.png" for name in PNG if name in drawn]


def _panel(report: Report, model: str, figures: Mapping[str, Figure]) -> cosines.Panel:
    similar, different, auc = (three(figures[key])[0] for key in ("similar", "different", "auc"))
    return cosines.Panel(model, *histogram(report, model), (similar, different), f"AUC {auc:.3f}")


def _cuttings(report: Report) -> list[pieces.Cutting]:
    """One for each tokenizer: models that cut like the one that they started from aren't shown."""
    found: dict[tuple[float, ...], pieces.Cutting] = {}
    for model in report.models:
        facts = report.facts[model]
        if facts.tokens_per_word is not None:
            words = f"{facts.unknown_share or 0:.1%} of words unknown in part"
            if facts.match_rate is not None:
                words += f"\n      {facts.match_rate:.1%} of new tokens met"
            found.setdefault((facts.tokens_per_word, facts.unknown_share or 0.0),
                             pieces.Cutting(model, facts.tokens_per_word, words))
    return list(found.values())


def _heat_map(report: Report, folder: Path) -> None:
    ranked = [row.model for row in report.judgement.rows]
    by_slice: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for record in report.slices:
        by_slice.setdefault((record["column"], record["value"]), {})[record["model"]] = record
    values = np.array([[math.nan if (v := of[m]["spearman"]) is None else v for m in ranked]
                       for of in by_slice.values()])
    words = [(*key, "{rows:,} pairs, mean {mean:.2f}".format(**of[ranked[0]])) for key, of in by_slice.items()]
    heat.heat_map(folder / "slices.png", values, words, ranked, "Spearman by genre",
                  f"{report.subtitle}; best of each genre in bold")


def _figure(value: float | None) -> Figure:
    return Figure(None if value is None or math.isnan(value) else round(value, 6))
