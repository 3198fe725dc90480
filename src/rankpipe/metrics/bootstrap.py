"""Intervals by the bootstrap: rows, or whole users, are drawn again with replacement as counts, never as copies.

A statistic is any callable that takes (R, N) weights, one line a resample, and gives (R, …) values. Several models
judged in one call see the same resamples, so differences between them are paired without further work.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from rankpipe.errors import InputError

Statistic = Callable[[np.ndarray], np.ndarray]
# Weights handled at once: many resamples of a small set in one numpy call, one resample at a time of a large one.
_BLOCK = 1 << 19


@dataclass(frozen=True)
class Resamples:
    """``count`` draws of as many units as there are, with replacement (Efron 1979).

    Draw b depends on (seed, b) only: the same for every model, slice and block size.
    """

    rows: int
    count: int
    seed: int
    units: np.ndarray | None = None
    """(N,) integer code of the unit that each row belongs to, such as its user; drawn whole. None: each row for
    itself.
    """

    def __post_init__(self) -> None:
        if self.rows < 1 or self.count < 1:
            raise InputError(f"cannot draw {self.count} resamples of {self.rows} rows")
        if self.units is not None:
            if len(self.units) != self.rows:
                raise InputError(f"{len(self.units)} unit codes for {self.rows} rows")
            names, codes = np.unique(self.units, return_inverse=True)
            if len(names) < 2:
                raise InputError("resampling whole units needs at least two of them; resample by row")
            object.__setattr__(self, "units", codes)

    @property
    def drawn(self) -> int:
        """Number of units."""
        return self.rows if self.units is None else int(self.units.max()) + 1

    def weights(self, b: int) -> np.ndarray:
        """(N,) uint8, or uint16 where a unit is drawn that often: how often each row is drawn in resample b."""
        n = self.drawn
        counts = np.bincount(np.random.default_rng([self.seed, b]).integers(0, n, n, dtype=np.uint32), minlength=n)
        counts = counts.astype(np.min_scalar_type(counts.max()))
        return counts if self.units is None else counts[self.units]

    def blocks(self) -> Iterator[np.ndarray]:
        """(R, N) weights of consecutive resamples, R as large as memory wants."""
        step = max(1, _BLOCK // self.rows)
        for start in range(0, self.count, step):
            yield np.stack([self.weights(b) for b in range(start, min(start + step, self.count))])


def resample(statistics: Sequence[Statistic], resamples: Resamples,
             done: Callable[[int], object] | None = None) -> np.ndarray:
    """Values of each statistic on each resample: (count, statistics, …). All statistics give one shape.

    Args:
        done: called with the number of resamples after each block, for a progress bar.
    """
    values = []
    for weights in resamples.blocks():
        values.append(np.stack([statistic(weights) for statistic in statistics], axis=1))
        if done is not None:
            done(len(weights))
    return np.concatenate(values)


class WeightedMeans:
    """The statistic of everything that is a mean over rows or units: squared errors, recall of each user, nDCG of each
    query.
    """

    def __init__(self, values: np.ndarray):
        """values: (N,) or (N, K), one row a unit."""
        self.values = np.asarray(values, dtype=np.float64)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) → (R,) or (R, K)."""
        sums = np.einsum("rn,n...->r...", weights.astype(np.float64), self.values)
        total = weights.sum(axis=1, dtype=np.float64)
        return sums / (total[:, None] if sums.ndim == 2 else total)


class Means(WeightedMeans):
    """:class:`WeightedMeans` under the metrics' names: one model, as :func:`rankpipe.judgement.judge` takes it."""

    def __init__(self, names: tuple[str, ...], values: np.ndarray):
        """values: (N, K), one row a unit and one column a name.

        Raises:
            InputError: no units, other columns than names, or a value that is no number.
        """
        super().__init__(values)
        if self.values.ndim != 2 or not len(self.values) or self.values.shape[1] != len(names):
            raise InputError(f"means of {', '.join(names)} need rows of {len(names)} values, got {self.values.shape}")
        if not np.isfinite(self.values).all():
            raise InputError(f"means of {', '.join(names)}: {int((~np.isfinite(self.values)).sum())} values are NaN or "
                             "infinite")
        self.names = tuple(names)

    def estimate(self) -> dict[str, float]:
        """Metric → value on the units as they are."""
        values = self(np.ones((1, len(self.values)), dtype=np.uint8))[0]
        return {name: float(v) for name, v in zip(self.names, values, strict=True)}


def interval(values: np.ndarray, level: float = 0.95,
             centre: np.ndarray | float | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Percentile interval over the first axis: (B, …) → two arrays (…).

    Resamples where the statistic is undefined (NaN: a class that wasn't drawn) are left out; with fewer than half left
    the interval is NaN.

    Args:
        centre: where given, the interval is moved so that the resamples' mean lies on it. For statistics that noise
        can only
            raise (calibration error): there the resamples carry the sampling noise twice and lie above the estimate.
    """
    held = ~np.isnan(values)
    tail = (1 - level) / 2
    masked = np.where(held.any(axis=0), values, 0.0)
    low, high = np.nanquantile(masked, [tail, 1 - tail], axis=0)
    if centre is not None:
        moved = np.asarray(centre) - np.nanmean(masked, axis=0)
        low, high = low + moved, high + moved
    enough = held.mean(axis=0) >= 0.5
    return np.where(enough, low, np.nan), np.where(enough, high, np.nan)
