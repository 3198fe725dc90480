"""Is one model better than another? Differences on the same resamples, with a correction for asking many times."""

import math
from dataclasses import dataclass

import numpy as np

from rankpipe.metrics.bootstrap import interval


@dataclass(frozen=True)
class Difference:
    """a − b in one metric."""

    estimate: float
    low: float
    high: float
    error: float
    """Standard deviation of the difference over the resamples."""
    p: float
    """Two-sided, before any correction."""


def difference(a: float, b: float, values_a: np.ndarray, values_b: np.ndarray, level: float = 0.95) -> Difference:
    """Compares two estimates by their values (B,) on the same resamples.

    p is the probability of a gap this wide in a normal distribution with the bootstrap's standard error. The share of
    resamples on the wrong side would be the other choice, but it cannot fall below 2/(B + 1), and Holm's correction
    over the 36 pairs of nine models would then call nothing significant at a few hundred resamples.
    """
    gaps = values_a - values_b
    low, high = interval(gaps, level)
    gaps = gaps[~np.isnan(gaps)]
    error = float(gaps.std(ddof=1)) if len(gaps) > 1 else math.nan
    gap = a - b
    if gap == 0:
        p = 1.0
    elif error == 0:
        p = 0.0
    else:
        p = math.erfc(abs(gap) / error / math.sqrt(2))
    return Difference(gap, float(low), float(high), error, p)


def holm(p: list[float]) -> list[float]:
    """Holm's (1979) step-down correction: rejecting where the result is below α keeps the chance of any false claim
    under α.
    """
    order = sorted(range(len(p)), key=lambda i: p[i])
    corrected, running = [1.0] * len(p), 0.0
    for rank, i in enumerate(order):
        running = max(running, min(1.0, p[i] * (len(p) - rank)))
        corrected[i] = running
    return corrected
