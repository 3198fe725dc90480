"""The files that evaluation leaves: metrics and plots for git, the leaderboard folder for the stages after it."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe import paths
from rankpipe.fusion.dataset import TRACK
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.judging import HIGHER, STARTING
from rankpipe.fusion.modalities import Parts
from rankpipe.fusion.scores import ABLATIONS
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Board, Column, Figure, Row
from rankpipe.metrics.comparison import Difference
from rankpipe.plots import ablation
from rankpipe.plots import contact as sheet
from rankpipe.plots.data import write_csv
from rankpipe.report import (
    Curves,
    curve_data,
    leaderboard_data,
    leaderboard_picture,
    learning_picture,
    metrics_of,
    three,
    write_board,
)

TITLES = {"ndcg_at_10": "nDCG@10", "ndcg_at_5": "nDCG@5", "ndcg_at_3": "nDCG@3", "ndcg_at_1": "nDCG@1", "mrr": "MRR",
          "map": "MAP", "compliance_at_1": "comply@1", "conflicts_at_10": "conflicts"}
COLUMNS = tuple(Column(key, title, "higher" if HIGHER[key] else "lower", 4 if key == "ndcg_at_10" else 3)
                for key, title in TITLES.items())
ABLATED = ("model", "change", "modality", "value", "low", "high", "drop", "drop_low", "drop_high")
ATTENDED = ("model", "modality", "weight", "low", "high")
CONTROLLED = ("model", "difference", "low", "high", "p")
WORDS = {"masked": "masked", "shuffled": "shuffled", "only": "alone"}
PNG = ("leaderboard", "learning_curves", "contact_sheet")


@dataclass(frozen=True)
class Report:
    """All that is to be written."""

    size: str
    order: str
    level: float
    judgement: Judgement
    queries: int
    """Of test."""
    curves: Curves
    worth: dict[str, Parts]
    """Model → what modalities are worth to it."""
    chance: dict[str, Difference]
    """Control → its distance from random order."""
    sheet: list[sheet.Asked]
    heading: str
    notes: tuple[str, ...]

    @property
    def subtitle(self) -> str:
        return f"{TRACK} · {self.size} · test: {self.heading}"

    @property
    def column(self) -> Column:
        """Of the order metric."""
        return next(c for c in COLUMNS if c.key == self.order)

    @property
    def trained(self) -> list[Row]:
        """Best first, without orders that nobody trained and controls: what may be chosen and shipped."""
        return [row for row in self.judgement.rows if row.role != "constant" and row.model != STARTING]


def write(report: Report) -> Board:
    """Writes three folders, each whole or not at all, and gives the board that was written."""
    with atomic_folder(paths.metrics(report.size, TRACK)) as folder:
        for row in report.trained:
            drops = {f"drop_{change}_{name}": fell.value for (change, name), (_, fell)
                     in (report.worth[row.model].after.items() if row.model in report.worth else ())
                     if change == "masked"}
            write_json(folder / f"{row.model}.json", metrics_of(
                row, report.order, ("ndcg_at_10", "compliance_at_1"), queries=report.queries, **drops))
    root = paths.plots(report.size, TRACK)
    with atomic_folder(root) as folder:
        _data(report, folder)
        drawn = _pictures(report, folder / "png")
    board = Board(TRACK, report.size, "test", report.heading, report.order, report.judgement.baseline, COLUMNS,
                  report.judgement.rows, report.level, report.notes, tuple(str(root / "png" / name) for name in drawn))
    attention = [{"model": model, "modality": name, "weight": of.value, "low": of.low, "high": of.high}
                 for model, worth in report.worth.items() for name, of in worth.attention.items()]
    control = [{"model": model, "difference": gap.estimate, "low": gap.low, "high": gap.high, "p": gap.p}
               for model, gap in report.chance.items()]
    write_board(board, report.judgement, ablation=(ABLATED, _ablated(report)), attention=(ATTENDED, attention),
                control=(CONTROLLED, control))
    return board


def _ablated(report: Report) -> list[dict[str, object]]:
    return [{"model": model, **record} for model, worth in report.worth.items() for record in worth.records()]


def _data(report: Report, folder: Path) -> None:
    leaderboard_data(folder / "leaderboard.csv", report.judgement, report.order)
    curve_data(folder / "curve", report.curves)
    write_csv(folder / "ablation.csv", ({"model": r["model"], "input": f"{r['modality']} {r['change']}".strip(),
                                         **{key: r[key] for key in ("value", "low", "high")}}
                                        for r in _ablated(report)), columns=("model", "input", "value", "low", "high"))


def _pictures(report: Report, folder: Path) -> list[str]:
    """Names of the pictures that were drawn."""
    constants = [row for row in report.judgement.rows if row.role == "constant"]
    note = "; ".join(f"{row.model}: {row.figures[report.order].value:.4f}" for row in constants)
    leaderboard_picture(folder / "leaderboard.png", report.judgement, report.column, report.subtitle,
                        f"off the chart: {note}")
    drawn = ["leaderboard"]
    curves = {row.model: report.curves[row.model] for row in report.trained}
    if learning_picture(folder / "learning_curves.png", curves, "valid_ndcg_at_10", "higher",
                        f"{TRACK} · {report.size} · valid", "valid nDCG@10"):
        drawn.append("learning_curves")
    if report.sheet:
        sheet.contact(folder / "contact_sheet.png", report.sheet, "Contact sheet: what stands first",
                      f"{TRACK} · {report.size} · first queries of test by id; ✓ meets all constraints, ✗ violates one")
        drawn.append("contact_sheet")
    found = [f"{name}.png" for name in PNG if name in drawn]
    for model, worth in report.worth.items():
        changes = {WORDS[change]: {name: _bar(worth.after[change, name][0]) for name in MODALITIES}
                   for change in ABLATIONS}
        ablation.ablation(folder / f"ablation_{model}.png", _bar(worth.whole), changes,
                          {name: _bar(of) for name, of in worth.attention.items()},
                          f"What each modality is worth to {model}", report.subtitle, f"test {report.column.title}")
        found.append(f"ablation_{model}.png")
    return found


def _bar(figure: Figure) -> ablation.Bar:
    return ablation.Bar(*three(figure))
