"""Recall of parts of the hidden rows: of users by activity, of items by popularity, of field values, of either part."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankpipe.errors import InputError, nearest
from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.topk import hits, of_hits
from rankpipe.params import bounded
from rankpipe.topk.dataset import Dataset
from rankpipe.topk.fields import Field
from rankpipe.topk.judging import TASK


@dataclass(frozen=True)
class Slices:
    """The block ``topk.evaluate.slices`` of params.yaml."""

    activity: int = bounded(4, low=1)
    """Groups of about as many users each, by their rows in train."""
    popularity: int = bounded(4, low=1)
    """Groups of items, each with about the same share of train's rows, by their rows in train."""
    fields: tuple[str, ...] = ()
    """Side fields; each of their values is a slice."""
    values: int = bounded(12, low=1)
    """Values of a field that get a slice, those with the most hidden rows."""
    min_users: int = bounded(20, low=2)
    """A slice with hidden rows of fewer users shows how many, but no metric."""
    resamples: int = bounded(200, low=20)


@dataclass(frozen=True)
class Slice:
    """Some of the hidden rows. A user counts with those of his rows that are among them."""

    column: str
    value: str
    rows: np.ndarray = field(repr=False)
    """(n,) bool over the hidden rows."""


def groups(values: np.ndarray, weights: np.ndarray, count: int) -> tuple[np.ndarray, list[str]]:
    """Cuts whole numbers (n,) into at most ``count`` ranges of about equal weight; equal numbers stay together.

    Returns:
        codes (n,) from 0, the lowest range, and the ranges as text: ``1–7``.
    """
    distinct, places = np.unique(values, return_inverse=True)
    running = np.cumsum(np.bincount(places, weights))
    shares = running[-1] * np.arange(1, count) / count
    last = np.unique(np.abs(running[:-1] - shares[:, None]).argmin(axis=1)) if len(distinct) > 1 else []
    codes = np.searchsorted(last, places)
    ends = [(int(values[codes == i].min()), int(values[codes == i].max())) for i in range(codes.max() + 1)]
    return codes, [f"{low:,}–{high:,}" if low < high else f"{low:,}" for low, high in ends]


def popularity_groups(popularity: np.ndarray, count: int) -> tuple[np.ndarray, list[str]]:
    """(n_items,) group of each item and the groups' names, the most popular first and items new in test last."""
    known = popularity > 0
    codes, names = groups(popularity[known], popularity[known], count)
    whole = np.full(len(popularity), len(names))
    whole[known] = len(names) - 1 - codes
    return whole, [*(f"{name} rows" for name in reversed(names)), *([] if known.all() else ["not in train"])]


def slices(settings: Slices, of: Dataset, words: dict[str, list[str]]) -> list[Slice]:
    """The slices of the test rows; those of users first, then those of items, then the two parts of the split.

    Args:
        words: field → its values as text.

    Raises:
        InputError: a field that isn't there.
    """
    rows = of.test
    active = np.unique(rows.users)
    taken = np.diff(of.history.indptr)
    codes, names = groups(taken[active], np.ones(len(active)), settings.activity)
    of_user = np.zeros(of.n_users, np.int64)
    of_user[active] = codes
    found = [Slice("user's rows", name, of_user[rows.users] == i) for i, name in enumerate(names)]
    codes, names = popularity_groups(of.train.popularity(), settings.popularity)
    found += [Slice("item's rows", name.removesuffix(" rows"), codes[rows.items] == i) for i, name in enumerate(names)]
    held = {f.name: (f, codes) for side, codes in ((of.user_fields, rows.users), (of.item_fields, rows.items))
            for f in side}
    for name in settings.fields:
        if name not in held:
            raise InputError(f"params.yaml: topk.evaluate.slices.fields: no field '{name}'; {nearest(name, held)}")
        found += _values(*held[name], words[name], settings.values)
    if of.test_sequential is not None:
        found += [Slice("part", "sequential", of.test_sequential), Slice("part", "static", ~of.test_sequential)]
    return [part for part in found if part.rows.any()]


def _values(of: Field, codes: np.ndarray, words: list[str], count: int) -> list[Slice]:
    """The values with the most hidden rows, in order of their words."""
    has = of.matrix(mean=False)[codes].tocsc()
    most = sorted(np.argsort(-np.diff(has.indptr), kind="stable")[:count], key=lambda v: words[v])
    parts = []
    for value in most:
        rows = np.zeros(len(codes), bool)
        rows[has.indices[has.indptr[value]:has.indptr[value + 1]]] = True
        parts.append(Slice(of.name, words[value], rows))
    return parts


def judged(settings: Slices, found: list[Slice], of: Dataset, lists: dict[str, np.ndarray], resamples: Resamples,
           level: float, done: Callable[[int], object] | None = None) -> list[dict[str, Any]]:
    """One record for each slice and model: ``column, value, users, hidden, model, recall_at_10, low, high``.

    Args:
        lists: model → (U, K) lists of the users who have test rows, in order of their codes.
        resamples: of those users.
    """
    records, statistics, big = [], [], []
    everybody = np.unique(of.test.users)
    for part in found:
        rows = of.test.take(part.rows)
        users = np.unique(rows.users)
        records.append({"column": part.column, "value": part.value, "users": len(users), "hidden": len(rows)})
        big.append(len(users) >= settings.min_users)
        if big[-1]:
            statistics.append(_Recall(np.searchsorted(everybody, users), rows.offsets, rows.items, lists))
    drawn = iter(np.moveaxis(resample(statistics, resamples, done), 1, 0) if statistics else ())
    means = iter(statistics)
    out = []
    for record, enough in zip(records, big, strict=True):
        value = next(means).values.mean(axis=0) if enough else None
        low, high = interval(next(drawn), level) if enough else ((), ())
        out += [{**record, "model": model, "recall_at_10": float(value[i]) if enough else None,
                 "low": float(low[i]) if enough else None, "high": float(high[i]) if enough else None}
                for i, model in enumerate(lists)]
    return out


class _Recall:
    """Recall of every model for some of the users, from weights of all."""

    def __init__(self, places: np.ndarray, offsets: np.ndarray, items: np.ndarray, lists: dict[str, np.ndarray]):
        """places (n,): which rows of the lists; offsets of all users and items: the hidden rows of the slice."""
        self.places = places
        sizes = np.diff(offsets)
        mine = np.concatenate([[0], np.cumsum(sizes[sizes > 0])])
        self.values = np.stack([of_hits(hits(rows[places], mine, items), np.diff(mine), TASK)["recall_task"]
                                for rows in lists.values()], axis=1)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        mine = np.take(weights, self.places, axis=1).astype(np.float64)
        total = mine.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):
            return np.einsum("ru,um->rm", mine, self.values) / total
