"""The rows of a split by slice: the values of chosen columns, and buckets of sequence length."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe.errors import InputError, nearest
from rankpipe.io.h5 import ColumnsReader
from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.probability import logloss, normalised_entropy
from rankpipe.metrics.ranking import Ranking, auc
from rankpipe.params import bounded

_BLOCK = 8192


@dataclass(frozen=True)
class Slices:
    """The block ``ctr.evaluate.slices`` of params.yaml."""

    columns: tuple[str, ...] = ()
    """Categorical columns; each of their values is a slice."""
    lengths: tuple[int, ...] = bounded((), low=1)
    """Sequence lengths at which a new bucket begins: (20, 50) gives 0–19, 20–49, 50+."""
    values: int = bounded(12, low=1)
    """Values of a column that get a slice of their own, the most frequent ones; the others are judged together."""
    min_clicks: int = bounded(10, low=1)
    """A slice with fewer clicks, or fewer rows without one, shows its rows but no metric."""
    resamples: int = bounded(200, low=20)

    def __post_init__(self) -> None:
        if list(self.lengths) != sorted(set(self.lengths)):
            raise ValueError(f"slices.lengths must rise, got {list(self.lengths)}")


@dataclass(frozen=True)
class Slice:
    """Rows that share a value."""

    column: str
    value: str
    rows: np.ndarray = field(repr=False)
    """(n,) positions in the split."""


@dataclass(frozen=True)
class Table:
    """What a split's H5 says about each row, beside its features: N rows in the order of the file."""

    rows: np.ndarray
    """(N,) int64 position in the raw file."""
    labels: np.ndarray
    """(N,)"""
    groups: np.ndarray | None
    """(N,) int32 codes of the schema's group column, −1 = missing."""
    codes: dict[str, np.ndarray]
    """Column → (N,) int32 codes, −1 = missing."""
    words: dict[str, list[str]]
    lengths: dict[str, np.ndarray]
    """Sequence group → (N,) items."""


def table(path: Path, columns: tuple[str, ...]) -> Table:
    """Reads labels, groups, sequence lengths and the codes of ``columns`` in blocks.

    Raises:
        InputError: missing or damaged file; a column that isn't categorical.
    """
    with ColumnsReader(path) as reader:
        names = reader.schema.categorical
        for column in columns:
            if column not in names:
                raise InputError(f"params.yaml: ctr.evaluate.slices.columns: '{column}' is not a categorical column of "
                                 f"the schema; {nearest(column, names)}")
        words = reader.dictionaries
        groups, codes = [], {column: [] for column in columns}
        for start in range(0, len(reader), _BLOCK):
            block = reader.read(start, start + _BLOCK)
            groups.append(block.group)
            for column in columns:
                codes[column].append(block.categorical[:, names.index(column)])
        return Table(reader.positions(), reader.labels(), np.concatenate(groups) if reader.schema.group else None,
                     {column: np.concatenate(blocks) for column, blocks in codes.items()},
                     {column: list(words[column]) for column in columns},
                     {group: reader.lengths(group) for group in reader.schema.sequence})


def slices(settings: Slices, of: Table) -> list[Slice]:
    """Every slice that holds rows: column by column, then sequence group by sequence group."""
    found = []
    for column, codes in of.codes.items():
        counts = np.bincount(codes + 1)
        word = ["missing", *of.words[column]]
        shown = sorted(np.flatnonzero(counts), key=lambda i: (-counts[i], word[i]))
        rest, shown = shown[settings.values:], shown[:settings.values]
        shown.sort(key=lambda i: _natural(word[i]))
        found += [Slice(column, word[i], np.flatnonzero(codes == i - 1)) for i in shown]
        if rest:
            found.append(Slice(column, f"{len(rest)} others", np.flatnonzero(np.isin(codes, np.array(rest) - 1))))
    for group, lengths in of.lengths.items() if settings.lengths else ():
        bucket = np.searchsorted(settings.lengths, lengths, side="right")
        edges = (0, *settings.lengths)
        for i, low in enumerate(edges):
            rows = np.flatnonzero(bucket == i)
            if len(rows):
                high = f"–{edges[i + 1] - 1}" if i + 1 < len(edges) else "+"
                found.append(Slice(f"{group} length", f"{low}{high}", rows))
    return found


def judged(settings: Slices, found: list[Slice], labels: np.ndarray, probabilities: dict[str, np.ndarray],
           resamples: Resamples, level: float, done: Callable[[int], object] | None = None) -> list[dict[str, Any]]:
    """One record for each slice and model: ``column, value, rows, clicks, rate, model, auc, auc_low, auc_high, logloss,
    normalised_entropy, predicted_over_actual``. Metrics are None where the slice is too small.
    """
    enough = [min(labels[s.rows].sum(), len(s.rows) - labels[s.rows].sum()) >= settings.min_clicks for s in found]
    areas = [_Areas(s.rows, labels, probabilities) for s, big in zip(found, enough, strict=True) if big]
    drawn = iter(np.moveaxis(resample(areas, resamples, done), 1, 0) if areas else ())
    records = []
    for part, big in zip(found, enough, strict=True):
        y = labels[part.rows]
        low, high = interval(next(drawn), level) if big else ((), ())
        for i, (model, p) in enumerate(probabilities.items()):
            mine = p[part.rows]
            records.append({
                "column": part.column, "value": part.value, "rows": len(y), "clicks": int(y.sum()),
                "rate": float(y.mean()), "model": model,
                "auc": auc(y, mine) if big else None, "auc_low": _known(low[i]) if big else None,
                "auc_high": _known(high[i]) if big else None, "logloss": logloss(y, mine) if big else None,
                "normalised_entropy": normalised_entropy(y, mine) if big else None,
                "predicted_over_actual": float(mine.mean() / y.mean()) if big else None})
    return records


class _Areas:
    """AUC of every model within one slice, from weights of the whole split."""

    def __init__(self, rows: np.ndarray, labels: np.ndarray, probabilities: dict[str, np.ndarray]):
        self.rows = rows
        self.rankings = [Ranking(labels[rows] == 1, p[rows]) for p in probabilities.values()]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        mine = np.take(weights, self.rows, axis=1)
        return np.stack([ranking.of(mine)[:, 0] for ranking in self.rankings], axis=1)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _natural(word: str) -> tuple[int, float, str]:
    """Numbers in order of size, then words."""
    try:
        return 0, float(word), word
    except ValueError:
        return 1, 0.0, word
