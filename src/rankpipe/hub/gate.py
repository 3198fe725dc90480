"""The quality gate: a model that doesn't beat its baseline isn't shipped."""

import csv
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rankpipe.errors import InputError, nearest
from rankpipe.leaderboard import Board
from rankpipe.params import bounded


@dataclass(frozen=True)
class Gate:
    """The block ``<track>.push.gate`` of params.yaml; null in its place opens the gate."""

    metric: str = "auc"
    baseline: str = "lr"
    """A model of the leaderboard, or ``constant``: valid's click rate for every row."""
    margin: float = bounded(0.0, low=0)
    """The gain that the low end of the paired interval must exceed."""


def check(gate: Gate, model: str, board: Board, paired: Path) -> dict[str, Any]:
    """Lets ``model`` through if the whole interval of its gain over the baseline lies above the margin.

    Args:
        paired: the leaderboard's table of all pairs of models, differences on the same resamples.

    Returns:
        What was compared, for the receipt.

    Raises:
        InputError: the model is the baseline, or its gain isn't sure.
    """
    columns = {c.key: c for c in board.columns}
    if gate.metric not in columns:
        raise InputError(f"params.yaml: push.gate.metric: no '{gate.metric}' on the leaderboard; "
                         f"{nearest(gate.metric, columns)}")
    names = [row.model for row in board.rows]
    if gate.baseline not in names:
        raise InputError(f"params.yaml: push.gate.baseline: no '{gate.baseline}' on the leaderboard; "
                         f"{nearest(gate.baseline, names)}")
    where = f"quality gate: {model} at size {board.size}"
    if model == gate.baseline:
        raise InputError(f"{where} is the baseline itself; push another model, or set push.gate.baseline")
    sign = 1 if columns[gate.metric].better == "higher" else -1
    gain, low, high = _gain(gate, model, board, paired, sign)
    if not low > gate.margin:
        raise InputError(f"{where} does not beat {gate.baseline}: its gain in {gate.metric} is {gain:+.4f} "
                         f"[{low:+.4f}, {high:+.4f}], and the low end must exceed {gate.margin:g}; train a better "
                         "model, or change push.gate")
    return {**asdict(gate), "gain": gain, "low": low, "high": high}


def _gain(gate: Gate, model: str, board: Board, paired: Path, sign: int) -> tuple[float, float, float]:
    """(estimate, low, high) by which ``model`` is better."""
    constant = board.row(gate.baseline)
    if constant.role == "constant":
        # Isn't among the pairs. The model's own interval against the constant's estimate.
        figure, base = board.row(model).figures[gate.metric], constant.figures[gate.metric].value
        if figure.value is None or figure.low is None or figure.high is None or base is None:
            raise InputError(f"quality gate: {gate.metric} of {model} or {gate.baseline} is undefined; set another")
        ends = sorted((sign * (figure.low - base), sign * (figure.high - base)))
        return sign * (figure.value - base), ends[0], ends[1]
    if not paired.is_file():
        raise InputError(f"{paired}: not found; run the evaluate stage")
    with paired.open(newline="", encoding="utf-8") as file:
        for line in csv.DictReader(file):
            if line["metric"] == gate.metric and {line["model_a"], line["model_b"]} == {model, gate.baseline}:
                turn = sign if line["model_a"] == model else -sign
                ends = sorted((turn * float(line["low"]), turn * float(line["high"])))
                return turn * float(line["difference"]), ends[0], ends[1]
    raise InputError(f"{paired}: doesn't compare {model} with {gate.baseline} in {gate.metric}; run the evaluate stage")
