"""The table that judges a track's models, in one format for every track, and its view on the terminal.

``python -m rankpipe.leaderboard [SIZE]`` prints every table found under ``build/`` and names the plots to open. The
file is ``build/<size>/<track>/leaderboard/leaderboard.json``: a :class:`Board` as JSON.
"""

import argparse
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.io.json import read_json, write_json
from rankpipe.stage import one_line_errors

FORMAT = 1
FILE = "leaderboard.json"
PAIRED = "paired.csv"
"""Beside it: every pair of models in every metric."""
MARKS = {"better": "▲", "worse": "▼", "undecided": "·"}


@dataclass(frozen=True)
class Column:
    """One metric of the table."""

    key: str
    title: str
    better: Literal["higher", "lower"]
    digits: int = 4


@dataclass(frozen=True)
class Figure:
    """An estimate with its interval; None where it is undefined."""

    value: float | None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Gap:
    """The order metric's difference from that of the board's baseline."""

    value: float
    low: float
    high: float
    p: float
    """Two-sided, as measured."""
    p_holm: float
    """Corrected for all rows of the board that are compared with the baseline."""
    verdict: Literal["better", "worse", "undecided"]


@dataclass(frozen=True)
class Row:
    """One model."""

    model: str
    role: Literal["model", "baseline", "constant"]
    figures: dict[str, Figure]
    """Metric → figure on the board's split."""
    valid: dict[str, float] = field(default_factory=dict)
    """Metric → value on the validation split, by which choices are made."""
    gap: Gap | None = None
    """None for the baseline itself."""


@dataclass(frozen=True)
class Board:
    """All models of one track at one size, best first."""

    track: str
    size: str
    split: str
    heading: str
    """What was judged, in words: rows, positives, intervals."""
    order: str
    """Key of the column that ranks the models and that gaps refer to."""
    baseline: str
    """Model that the others are compared with."""
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    level: float = 0.95
    """Of the intervals, and 1 − the error rate of the verdicts."""
    notes: tuple[str, ...] = ()
    plots: tuple[str, ...] = ()
    """Paths from the repository root."""
    format: int = FORMAT

    def row(self, model: str) -> Row:
        """Raises InputError for a model that wasn't judged."""
        for row in self.rows:
            if row.model == model:
                return row
        raise InputError(f"{self.track} {self.size}: '{model}' is not on the leaderboard; "
                         f"it holds {', '.join(r.model for r in self.rows)}")


def save(board: Board, path: Path) -> None:
    write_json(path, asdict(board))


def load(path: Path) -> Board:
    """Raises InputError: missing, unreadable, or of another format."""
    values = read_json(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: not a leaderboard of format {FORMAT}; run the evaluate stage again")
    try:
        rows = tuple(Row(r["model"], r["role"], {k: Figure(**f) for k, f in r["figures"].items()}, r["valid"],
                         None if r["gap"] is None else Gap(**r["gap"])) for r in values["rows"])
        columns = tuple(Column(**c) for c in values["columns"])
        return Board(**{**values, "rows": rows, "columns": columns, "notes": tuple(values["notes"]),
                        "plots": tuple(values["plots"])})
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}: {error}); run the evaluate stage again") from error


def flat(board: Board) -> list[dict[str, Any]]:
    """One flat record a model, for CSV: ``auc, auc_low, auc_high, …, valid_auc, …, gap, gap_low, …``."""
    records = []
    for rank, row in enumerate(board.rows, 1):
        record: dict[str, Any] = {"rank": rank, "model": row.model, "role": row.role}
        for key, figure in row.figures.items():
            record |= {key: figure.value, f"{key}_low": figure.low, f"{key}_high": figure.high}
        record |= {f"valid_{key}": value for key, value in row.valid.items()}
        gap = asdict(row.gap) if row.gap else dict.fromkeys(("value", "low", "high", "p", "p_holm", "verdict"))
        record |= {"gap" if key == "value" else f"gap_{key}": value for key, value in gap.items()}
        records.append(record)
    return records


def render(board: Board) -> str:
    """The board as text, as wide as its columns: the order metric with its interval, the others bare."""
    order = next(c for c in board.columns if c.key == board.order)
    others = [c for c in board.columns if c.key != board.order]
    span = f"{100 * board.level:g}% interval"
    table = [["model", order.title, span, *(c.title for c in others), f"Δ {order.title}", ""]]
    for row in board.rows:
        figure = row.figures[order.key]
        table.append([row.model + {"baseline": " °", "constant": " °"}.get(row.role, ""),
                      _number(figure.value, order.digits), _span(figure, order.digits),
                      *(_number(row.figures[c.key].value, c.digits) for c in others),
                      *((f"{row.gap.value:+.{order.digits}f}", MARKS[row.gap.verdict]) if row.gap else ("–", ""))])
    widths = [max(len(line[i]) for line in table) for i in range(len(table[0]))]
    lines = ["  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip() for line in table]
    rule = "─" * max(map(len, lines))
    title = f"{board.track} · {board.size} · {board.split}"
    return "\n".join([f"{title}: {board.heading}", rule, lines[0], rule, *lines[1:], rule, *board.notes])


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _span(figure: Figure, digits: int) -> str:
    if figure.low is None or figure.high is None:
        return "–"
    return f"[{figure.low:.{digits}f}, {figure.high:.{digits}f}]"


def found(size: str | None = None) -> list[Path]:
    """Leaderboards under ``build/``, by track and size."""
    pattern = paths.leaderboard(size or "*", "*") / FILE
    return sorted(Path().glob(str(pattern)), key=lambda path: (path.parts[2], path.parts[1]))


def main(words: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m rankpipe.leaderboard", description="Print the leaderboards.")
    parser.add_argument("size", nargs="?", help="only this size; all that were built otherwise")
    size = parser.parse_args(words).size
    with one_line_errors():
        boards = [load(path) for path in found(size)]
        if not boards:
            raise InputError(f"no leaderboard{' of size ' + size if size else ''} under build/; run dvc repro first")
        print("\n\n".join(render(board) for board in boards))
        pictures = [plot for board in boards for plot in board.plots]
        if pictures:
            print("\nPlots to open:\n  " + "\n  ".join(pictures))


if __name__ == "__main__":
    main()
