"""Every model's metrics with intervals, what sets it apart from the best baseline, and all pairs of models.

Knows no track: a model is a statistic of weighted rows (or users, or queries), such as
:class:`rankpipe.metrics.classification.Classification` or :class:`rankpipe.metrics.bootstrap.Means`.
"""

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from rankpipe.leaderboard import Figure, Gap, Row
from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.comparison import Difference, difference, holm


class Statistic(Protocol):
    """The metrics of one model."""

    names: tuple[str, ...]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) weights, one line a resample → (R, K) values in the order of ``names``."""
        ...

    def estimate(self) -> dict[str, float]:
        """Metric → value on the rows as they are."""
        ...


@dataclass(frozen=True)
class Rules:
    """How to judge."""

    order: str
    """The metric that ranks the models and that gaps refer to."""
    higher: Mapping[str, bool]
    """Metric → whether more is better."""
    level: float
    """Of all intervals; 1 − level is the error rate of the verdicts."""
    baselines: tuple[str, ...]
    """The models that the others must answer to; those that aren't there are passed over."""
    centred: tuple[str, ...] = ()
    """Metrics that noise can only raise, such as a calibration error: a resample adds its own noise to the sample's,
    so their interval is moved to lie around the estimate, and cut at zero.
    """


@dataclass(frozen=True)
class Judgement:
    """What came out, best model first."""

    rows: tuple[Row, ...]
    baseline: str
    pairs: list[dict[str, Any]]
    """One record for each metric and pair of models, for paired.csv."""


def judge(on_valid: Mapping[str, Mapping[str, float]], statistics: Mapping[str, Statistic], rules: Rules,
          resamples: Resamples, done: Callable[[int], object] | None = None,
          constants: tuple[str, ...] = ()) -> Judgement:
    """Judges on the rows of ``statistics`` (test); the baseline to beat is the best on valid, so test chooses nothing.

    Args:
        on_valid: model → metric → value on valid, constants too.
        done: called with the number of resamples after each block, for a progress bar.
        constants: those of ``statistics`` that predict one thing for everybody. They stand on the board, without a gap
            and outside the pairs, and are what to beat where no baseline was trained.
    """
    names = next(iter(statistics.values())).names
    estimates = {m: s.estimate() for m, s in statistics.items()}
    values = resample(list(statistics.values()), resamples, done)
    drawn = dict(zip(statistics, np.moveaxis(values, 1, 0), strict=True))
    k = names.index(rules.order)
    sign = 1 if rules.higher[rules.order] else -1

    models = [m for m in statistics if m not in constants]
    present = [m for m in rules.baselines if m in models] or list(constants)
    baseline = max(present, key=lambda m: sign * on_valid[m][rules.order])
    rivals = [m for m in models if m != baseline]
    gaps = [difference(estimates[m][rules.order], estimates[baseline][rules.order],
                       drawn[m][:, k], drawn[baseline][:, k], rules.level) for m in rivals]
    gap_of = dict(zip(rivals, _verdicts(gaps, sign, rules.level), strict=True))

    ranked = sorted(statistics, key=lambda m: (-sign * estimates[m][rules.order], m))
    rows = tuple(Row(m, "constant" if m in constants else "baseline" if m in present else "model",
                     _figures(estimates[m], drawn[m], names, rules),
                     {name: _rounded(v) for name, v in on_valid[m].items()}, gap_of.get(m)) for m in ranked)
    order = [m for m in ranked if m not in constants]
    return Judgement(rows, baseline, _pairs(order, names, estimates, drawn, rules.level))


def _figures(estimate: dict[str, float], drawn: np.ndarray, names: tuple[str, ...], rules: Rules) -> dict[str, Figure]:
    figures = {}
    for name, values in zip(names, drawn.T, strict=True):
        centred = name in rules.centred
        low, high = map(float, interval(values, rules.level, estimate[name] if centred else None))
        figures[name] = Figure(_rounded(estimate[name]), _rounded(max(low, 0.0) if centred else low), _rounded(high))
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
