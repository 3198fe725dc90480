"""Intervals by split conformal prediction (Papadopoulos et al. 2002; Lei et al. 2018), calibrated on valid.

The interval of a pair is r̂ ± q·s, cut to the scale of ratings, with q the ⌈(n + 1)·level⌉-th smallest of the n values
|r − r̂|/s on valid. It holds a new rating with probability ``level`` at least, whatever the distribution, as long as
valid and the new rows are exchangeable; later weeks or other users need not be, so evaluation measures the coverage on
test. s is 1, or grows with the spread of the ensemble's members, whichever gives the narrower intervals on valid.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rankpipe.errors import InputError

LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Levels whose coverage is always measured."""


@dataclass(frozen=True)
class Conformal:
    """How wide the intervals of one model are."""

    quantiles: dict[float, float | None]
    """Level → q; None where valid has too few rows for such a level, and the interval is the whole scale."""
    floor: float | None
    """With a number, s = spread + floor; None: s = 1."""
    low: float
    """The scale of ratings."""
    high: float

    def interval(self, predicted: np.ndarray, spread: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
        """(N,) predicted ratings and (N,) spread → (N,) low and (N,) high, of one of the calibrated levels.

        Raises:
            InputError: another level.
        """
        if level not in self.quantiles:
            raise InputError(f"level {level:g}: intervals are calibrated for "
                             f"{', '.join(f'{x:g}' for x in sorted(self.quantiles))}; choose one of these, or set "
                             "rating.ensemble.level in params.yaml and run dvc repro")
        q = self.quantiles[level]
        width = np.full(len(predicted), math.inf) if q is None else q * scale(spread, self.floor)
        return np.maximum(predicted - width, self.low), np.minimum(predicted + width, self.high)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "quantiles": [[level, q] for level, q in sorted(self.quantiles.items())]}

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str) -> "Conformal":
        """Raises InputError where keys are missing."""
        try:
            return cls({float(level): q for level, q in values["quantiles"]}, values["floor"], float(values["low"]),
                       float(values["high"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"{where}: damaged ({type(error).__name__}: {error}); run the ensemble stage again"
                             ) from error


def scale(spread: np.ndarray, floor: float | None) -> np.ndarray:
    """(N,) s."""
    return np.ones(len(spread)) if floor is None else spread + floor


def quantile(values: np.ndarray, level: float) -> float | None:
    """The ⌈(n + 1)·level⌉-th smallest of (n,) values; None where that is more than there are.

    >>> quantile(np.array([4.0, 1.0, 3.0, 2.0]), 0.5)      # ⌈5 · 0.5⌉ = 3rd
    3.0
    """
    # A hair less than the product, which may come out above a whole number by rounding alone.
    k = math.ceil((len(values) + 1) * level - 1e-9)
    return None if k > len(values) else float(np.partition(values, k - 1)[k - 1])


def calibrate(labels: np.ndarray, predicted: np.ndarray, spread: np.ndarray, level: float, low: float,
              high: float) -> Conformal:
    """Calibrates on the rows of valid, (N,) each; ``level`` joins ``LEVELS`` and decides between the two kinds of s.

    Each kind is calibrated on either half of the rows and its width measured on the other, so that neither is chosen
    for having been looked at twice.
    """
    def fitted(rows: slice, floor: float | None, levels: tuple[float, ...]) -> Conformal:
        values = np.abs(labels[rows] - predicted[rows]) / scale(spread[rows], floor)
        return Conformal({x: quantile(values, x) for x in levels}, floor, low, high)

    def width(floor: float | None) -> float:
        halves = (slice(0, None, 2), slice(1, None, 2))
        total = 0.0
        for mine, other in (halves, halves[::-1]):
            a, b = fitted(mine, floor, (level,)).interval(predicted[other], spread[other], level)
            total += float((b - a).sum())
        return total

    mean = float(spread.mean())
    floor = mean if mean > 0 and width(mean) < width(None) else None
    return fitted(slice(None), floor, tuple(sorted({*LEVELS, level})))
