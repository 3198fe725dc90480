"""The rows of test by slice: new and known users and items, how active they are in train, and the rating given."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.regression import Regression
from rankpipe.params import bounded
from rankpipe.rating.table import Ratings

MAX_VALUES = 12
"""Different ratings that get a slice each; where there are more, they are rounded to whole numbers."""


@dataclass(frozen=True)
class Slices:
    """The block ``rating.evaluate.slices`` of params.yaml."""

    activity: tuple[int, ...] = bounded((5, 10, 20, 50, 100), low=2)
    """Ratings in train at which a new bucket of users, and of items, begins: (5, 20) gives 1–4, 5–19, 20+."""
    min_rows: int = bounded(20, low=2)
    """A slice with fewer rows shows how many, but no metric."""
    resamples: int = bounded(200, low=20)

    def __post_init__(self) -> None:
        if list(self.activity) != sorted(set(self.activity)):
            raise ValueError(f"slices.activity must rise, got {list(self.activity)}")


@dataclass(frozen=True)
class Slice:
    """Rows that share a value."""

    column: str
    value: str
    rows: np.ndarray = field(repr=False)
    """(n,) positions in the split."""


def slices(settings: Slices, test: Ratings, train: Ratings) -> list[Slice]:
    """Every slice that holds rows. A user or an item is new where train holds no rating of theirs."""
    found = []
    for side, codes, seen in (("user", test.users, train.users), ("item", test.items, train.items)):
        counts = np.append(np.bincount(seen, minlength=max(int(codes.max(initial=-1)) + 1, 1)), 0)
        rated = counts[codes]  # code −1 takes the last, 0
        edges = (1, *settings.activity)
        bucket = np.searchsorted(edges, rated, side="right")
        words = ["new", *(f"{a}–{b - 1}" for a, b in itertools.pairwise(edges)), f"{edges[-1]}+"]
        found += [Slice(f"{side}'s ratings in train", word, np.flatnonzero(bucket == i)) for i, word in
                  enumerate(words)]
    given = test.ratings if len(np.unique(test.ratings)) <= MAX_VALUES else np.rint(test.ratings)
    found += [Slice("rating given", f"{value:g}", np.flatnonzero(given == value)) for value in np.unique(given)]
    return [s for s in found if len(s.rows)]


def judged(settings: Slices, found: list[Slice], labels: np.ndarray, ratings: dict[str, np.ndarray],
           resamples: Resamples, level: float, done: Callable[[int], object] | None = None) -> list[dict[str, Any]]:
    """One record for each slice and model: ``column, value, rows, mean, model, rmse, rmse_low, rmse_high, mae, bias``,
    bias the mean of r̂ − r. Metrics are None where the slice is too small.
    """
    records = []
    large = [s for s in found if len(s.rows) >= settings.min_rows]
    errors = [_Errors(s.rows, labels, ratings) for s in large]
    values = iter(np.moveaxis(resample(errors, resamples, done), 1, 0) if errors else ())
    for part in found:
        y, big = labels[part.rows], len(part.rows) >= settings.min_rows
        low, high = interval(next(values), level) if big else ((), ())
        for i, (model, all_rated) in enumerate(ratings.items()):
            rated = all_rated[part.rows]
            own = Regression(y, rated).estimate() if big else {}
            records.append({
                "column": part.column, "value": part.value, "rows": len(y), "mean": float(y.mean()), "model": model,
                "rmse": own.get("rmse"), "rmse_low": _known(low[i]) if big else None,
                "rmse_high": _known(high[i]) if big else None, "mae": own.get("mae"),
                "bias": float((rated - y).mean()) if big else None})
    return records


class _Errors:
    """RMSE of every model within one slice, from weights of the whole split."""

    def __init__(self, rows: np.ndarray, labels: np.ndarray, ratings: dict[str, np.ndarray]):
        self.rows = rows
        self.squares = np.stack([np.square(labels[rows] - r[rows]) for r in ratings.values()], 1)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) → (R, models)."""
        mine = np.take(weights, self.rows, axis=1)
        with np.errstate(invalid="ignore"):  # a slice of which nothing was drawn
            return np.sqrt(np.einsum("rn,nm->rm", mine, self.squares) / mine.sum(axis=1, dtype=np.float64)[:, None])


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
