"""What the leaderboard says in words: how good a model is, whether it beats the bias baseline, what intervals hold."""

from collections.abc import Sequence
from typing import Any

from rankpipe.judgement import Judgement
from rankpipe.leaderboard import Row
from rankpipe.metrics.comparison import holm
from rankpipe.rating.ensemble import Ensemble
from rankpipe.rating.scores import ENSEMBLE

BIAS = "bias"
READING = ((0.8, "outstanding"), (0.9, "very good"), (1.0, "good"))
"""RMSE of ratings from 1 to 5, up to which a model is called so."""


def notes(judgement: Judgement, level: float, held: Sequence[dict[str, Any]], combined: Ensemble) -> tuple[str, ...]:
    """The lines under the table."""
    compared = sum(row.gap is not None for row in judgement.rows)
    return (f"Δ: against {judgement.baseline}, the best baseline (°) on valid: ▲ better, ▼ worse, · undecided",
            f"   (differences on the same resamples, Holm over {compared}, {100 - 100 * level:g}%)",
            *against_bias(judgement, level), *reading(judgement, combined), *intervals(judgement, held, combined))


def against_bias(judgement: Judgement, level: float) -> list[str]:
    """A line for all models that beat the bias baseline, and one for each that doesn't, by the paired test (Holm over
    these comparisons).
    """
    if BIAS not in {row.model for row in judgement.rows}:
        return []
    beaten, lines = [], []
    pairs = [p for p in judgement.pairs if p["metric"] == "rmse" and BIAS in (p["model_a"], p["model_b"])]
    for pair, p in zip(pairs, holm([p["p"] for p in pairs]), strict=True):
        model, sign = (pair["model_a"], 1) if pair["model_b"] == BIAS else (pair["model_b"], -1)
        gap, (low, high) = sign * pair["difference"], sorted((sign * pair["low"], sign * pair["high"]))
        if gap < 0 and p < 1 - level:
            beaten.append(model)
        else:
            verdict = "is worse than" if p < 1 - level else "is not shown to beat"
            lines.append(f"WARNING: {model} {verdict} the bias baseline: RMSE {gap:+.4f} [{low:+.4f}, {high:+.4f}]")
    return [f"beat the bias baseline, Holm over {len(pairs)} (intervals uncorrected): {', '.join(beaten) or 'none'}",
            *lines]


def reading(judgement: Judgement, combined: Ensemble) -> list[str]:
    """The best model's RMSE on the reading scale, which is one of ratings from 1 to 5."""
    if (combined.low, combined.high) != (1.0, 5.0):
        return []
    best = min((row for row in judgement.rows if row.role != "constant"), key=_rmse, default=None)
    if best is None:
        return []
    word = next((word for bound, word in READING if _rmse(best) <= bound), "not good")
    scale = ", ".join(f"≤ {bound:g} {word}" for bound, word in reversed(READING))
    return [f"reading scale ({scale}): {best.model} with RMSE {_rmse(best):.4f} is {word}"]


def intervals(judgement: Judgement, held: Sequence[dict[str, Any]], combined: Ensemble) -> list[str]:
    """What the intervals of the ensemble and of the best model on valid hold on test."""
    best = min(judgement.rows, key=lambda row: row.valid["rmse"]).model
    lines = []
    for model in dict.fromkeys((best, ENSEMBLE)):
        found = next(r for r in held if r["model"] == model and r["level"] == combined.level)
        lines.append(f"{100 * combined.level:g}% intervals of {model} hold {found['coverage']:.3f} "
                     f"[{found['coverage_low']:.3f}, {found['coverage_high']:.3f}] of the test ratings, mean width "
                     f"{found['width']:.2f}")
    return lines


def _rmse(row: Row) -> float:
    value = row.figures["rmse"].value
    return float("inf") if value is None else value
