"""Every model's metrics with intervals, what sets it apart from the best baseline, and all pairs of models."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankpipe.ctr.scores import Scores
from rankpipe.errors import InputError
from rankpipe.leaderboard import Figure, Gap, Row
from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.calibration import Binning
from rankpipe.metrics.classification import HIGHER, Classification
from rankpipe.metrics.comparison import Difference, difference, holm

CONSTANT = "constant"
"""The row that predicts valid's click rate for everybody."""


@dataclass(frozen=True)
class Rules:
    """How to judge."""

    order: str
    level: float
    bins: int
    binning: Binning
    shift: bool
    """Also the task's score after the prior shift."""
    baselines: tuple[str, ...]


@dataclass(frozen=True)
class Judgement:
    """What came out, best model first."""

    rows: tuple[Row, ...]
    baseline: str
    pairs: list[dict[str, Any]]
    """One record for each metric and pair of models, for paired.csv."""


def judge(valid: Scores, test: Scores, rules: Rules, resamples: Resamples,
          done: Callable[[int], object] | None = None) -> Judgement:
    """Judges on ``test``; the baseline to beat and the prior come from ``valid``, so that test chooses nothing.

    Raises:
        InputError: a split of one class.
    """
    prior = valid.rate if rules.shift else None
    on_valid = {m: s.estimate() for m, s in _statistics(valid, rules, prior, valid.rate, "valid").items()}
    statistics = _statistics(test, rules, prior, valid.rate, "test")
    names = next(iter(statistics.values())).names
    estimates = {m: s.estimate() for m, s in statistics.items()}
    values = resample(list(statistics.values()), resamples, done)
    drawn = dict(zip(statistics, np.moveaxis(values, 1, 0), strict=True))
    k = names.index(rules.order)
    sign = 1 if HIGHER[rules.order] else -1

    present = [m for m in rules.baselines if m in test.probabilities] or [CONSTANT]
    baseline = max(present, key=lambda m: sign * on_valid[m][rules.order])
    rivals = [m for m in test.probabilities if m != baseline]
    gaps = [difference(estimates[m][rules.order], estimates[baseline][rules.order],
                       drawn[m][:, k], drawn[baseline][:, k], rules.level) for m in rivals]
    gap_of = dict(zip(rivals, _verdicts(gaps, sign, rules.level), strict=True))

    ranked = sorted(statistics, key=lambda m: (-sign * estimates[m][rules.order], m))
    rows = tuple(Row(m, CONSTANT if m == CONSTANT else "baseline" if m in present else "model",
                     _figures(estimates[m], drawn[m], names, rules.level),
                     {name: _rounded(v) for name, v in on_valid[m].items()}, gap_of.get(m)) for m in ranked)
    order = [m for m in ranked if m != CONSTANT]
    return Judgement(rows, baseline, _pairs(order, names, estimates, drawn, rules.level))


def _statistics(split: Scores, rules: Rules, prior: float | None, rate: float, name: str) -> dict[str, Classification]:
    everybody = {**split.probabilities, CONSTANT: np.full(len(split), rate)}
    try:
        return {m: Classification(split.labels, p, prior, rules.bins, rules.binning) for m, p in everybody.items()}
    except InputError as error:
        raise InputError(f"split {name}: {error}; see ctr.extract in params.yaml") from error


def _figures(estimate: dict[str, float], drawn: np.ndarray, names: tuple[str, ...], level: float) -> dict[str, Figure]:
    figures = {}
    for name, values in zip(names, drawn.T, strict=True):
        # Noise can only raise a calibration error, and a resample adds its own to that of the sample.
        centre = estimate[name] if name == "calibration_error" else None
        low, high = interval(values, level, centre)
        figures[name] = Figure(_rounded(estimate[name]), _rounded(max(0.0, float(low))), _rounded(float(high)))
    return figures


def _verdicts(gaps: list[Difference], sign: int, level: float) -> list[Gap]:
    return [Gap(_rounded(g.estimate), _rounded(g.low), _rounded(g.high), _significant(g.p), _significant(p),
                "undecided" if p >= 1 - level else "better" if sign * g.estimate > 0 else "worse")
            for g, p in zip(gaps, holm([g.p for g in gaps]), strict=True)]


def _pairs(models: list[str], names: tuple[str, ...], estimates: dict[str, dict[str, float]],
           drawn: dict[str, np.ndarray], level: float) -> list[dict[str, Any]]:
    records = []
    for k, name in enumerate(names):
        pairs = list(itertools.combinations(models, 2))
        gaps = [difference(estimates[a][name], estimates[b][name], drawn[a][:, k], drawn[b][:, k], level)
                for a, b in pairs]
        records += [{"metric": name, "model_a": a, "model_b": b, "difference": g.estimate, "low": g.low, "high": g.high,
                     "standard_error": g.error, "p": _significant(g.p), "p_holm": _significant(p)}
                    for (a, b), g, p in zip(pairs, gaps, holm([g.p for g in gaps]), strict=True)]
    return records


def _rounded(value: float) -> float | None:
    """Six places: beyond what an interval resolves, short of what the order of sums may change. NaN is None."""
    return None if np.isnan(value) else round(float(value), 6)


def _significant(p: float) -> float:
    return float(f"{p:.3g}")
