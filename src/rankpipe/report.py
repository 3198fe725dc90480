"""The files that evaluation leaves for every track: metrics for git, the leaderboard folder, the pictures all share."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from rankpipe import leaderboard, paths
from rankpipe.io.atomic import atomic_folder
from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Board, Column, Figure, Row
from rankpipe.plots import leaderboard as chart
from rankpipe.plots import learning
from rankpipe.plots.data import thinned, write_csv

PAIRS = ("metric", "model_a", "model_b", "difference", "low", "high", "standard_error", "p", "p_holm")
POINTS = 200
"""Of a learning curve, at most: plots in git stay small."""
Curves = Mapping[str, Sequence[Mapping[str, float]]]
"""Model → learning curve, one record an evaluation; empty where a model has none."""


def metrics_of(row: Row, order: str, valid_keys: Iterable[str], **counts: int | float | str) -> dict[str, Any]:
    """Flat and few keys: what ``dvc metrics diff`` shows. The leaderboard has every interval.

    Args:
        valid_keys: the metrics that are also given on valid, beside ``order``.
        counts: what else stands there, such as the number of rows.
    """
    figure = row.figures[order]
    return {**{key: f.value for key, f in row.figures.items()},
            f"{order}_low": figure.low, f"{order}_high": figure.high,
            **{f"valid_{key}": row.valid[key] for key in dict.fromkeys((order, *valid_keys))}, **counts}


def write_board(board: Board, judgement: Judgement,
                **extra: tuple[Sequence[str], Iterable[Mapping[str, Any]]]) -> None:
    """Writes the folder of the leaderboard, whole or not at all.

    Args:
        extra: name → (columns, records) of a further CSV: ``slices=(SLICED, records)`` writes ``slices.csv``.
    """
    with atomic_folder(paths.leaderboard(board.size, board.track)) as folder:
        leaderboard.save(board, folder / leaderboard.FILE)
        write_csv(folder / "leaderboard.csv", leaderboard.flat(board))
        write_csv(folder / leaderboard.PAIRED, judgement.pairs, columns=PAIRS)
        for name, (columns, records) in extra.items():
            write_csv(folder / f"{name}.csv", records, columns=columns)


def leaderboard_data(path: Path, judgement: Judgement, order: str) -> None:
    """The order metric of every row, for ``dvc plots``: model, value, low, high."""
    write_csv(path, ({"model": row.model, **asdict(row.figures[order])} for row in judgement.rows))


def curve_data(folder: Path, curves: Curves) -> None:
    """One CSV a model that has a curve, for ``dvc plots``; the folder in any case, since a stage promises it."""
    folder.mkdir(parents=True, exist_ok=True)
    for model, steps in curves.items():
        if steps:
            write_csv(folder / f"{model}.csv", ({k: _tidy(v) for k, v in steps[i].items()}
                                                for i in thinned(len(steps), POINTS)))


def leaderboard_picture(path: Path, judgement: Judgement, column: Column, subtitle: str, note: str = "") -> None:
    """Models with intervals, best first, over a band of the baseline to beat; constants are off the chart.

    Args:
        note: a further line under the chart, such as the value of a constant.
    """
    bars = {row.model: chart.Bar(row.model, *three(row.figures[column.key]), words(row.figures[column.key]) + _gap(row),
                                 row.role == "baseline") for row in judgement.rows}
    band = bars[judgement.baseline]
    shown = [bars[row.model] for row in judgement.rows if row.role != "constant"]
    under = f"band: {band.model}, the best baseline on valid; ▲ better, ▼ worse, · undecided against it"
    chart.leaderboard(path, shown, band, subtitle, column.title, "\n".join(filter(None, (under, note))))


def learning_picture(path: Path, curves: Curves, key: str, better: Literal["higher", "lower"], subtitle: str,
                     label: str | None = None, rounds: str = "round of trees") -> bool:
    """Draws ``key`` over epochs, or steps where a model counts none; False where no model has it, and nothing is drawn.

    Args:
        label: the axis's; the key with spaces where none is given.
        rounds: what counts as an epoch for models that have none.
    """
    measured = {m: [s for s in steps if not math.isnan(s.get(key, math.nan))] for m, steps in curves.items()}
    held = {m: steps for m, steps in measured.items() if steps}
    x = next((name for name in ("epoch", "step") if held and all(name in c[0] for c in held.values())), None)
    if x is None:
        return False
    lines = {m: ([s[x] for s in c], [s[key] for s in c]) for m, c in held.items()}
    learning.learning_curves(path, lines, f"{subtitle}; a ring marks a model's best evaluation",
                             f"{x}, or {rounds}" if rounds else x, label or key.replace("_", " "), better == "higher",
                             among=curves)
    return True


def three(figure: Figure) -> tuple[float, float, float]:
    """Value, low, high; NaN where undefined."""
    value, low, high = (math.nan if v is None else v for v in (figure.value, figure.low, figure.high))
    return value, low, high


def words(figure: Figure) -> str:
    """``0.7312 [0.7150, 0.7467]``."""
    return "{:.4f} [{:.4f}, {:.4f}]".format(*three(figure))


def _gap(row: Row) -> str:
    return f"  {row.gap.value:+.4f} {leaderboard.MARKS[row.gap.verdict]}" if row.gap else ""


def _tidy(value: float) -> float | int | None:
    if math.isnan(value):
        return None
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
