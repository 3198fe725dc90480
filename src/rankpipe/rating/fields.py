"""Further columns of users and items – age, occupation, genres, year – as columns of 0 and 1.

Words: one column each, several per row where a row has several. Numbers: one column for each of ``buckets`` ranges
that hold about as many entities of train each. A row without a word or number is told by a column of its own, where
train has such rows. Only users and items of train are looked at.
"""

from dataclasses import dataclass

import numpy as np

from rankpipe.params import bounded
from rankpipe.rating.table import Field, Side

MISSING = "?"


@dataclass(frozen=True)
class Fields:
    """The block ``rating.features.fields`` of params.yaml."""

    buckets: int = bounded(8, low=2)
    words: int = bounded(100, low=1)
    """Words of a column that get one of their own, the most frequent first; the rest share one."""


def encode(side: Side, settings: Fields) -> tuple[list[str], np.ndarray]:
    """Names like ``gender=F``, ``year<1995``; and (m, K) uint8. K may be 0."""
    parts = [_words(field, settings) for field in sorted(side.fields, key=lambda field: field.name)]
    parts += [_numbers(name, side.numbers[name], settings) for name in sorted(side.numbers)]
    names = [f"{field}{value}" for field, values, _ in parts for value in values]
    return names, np.concatenate([np.zeros((len(side), 0), np.uint8), *(table for *_, table in parts)], 1)


def _words(field: Field, settings: Fields) -> tuple[str, list[str], np.ndarray]:
    counts = np.bincount(field.values, minlength=field.size)
    order = np.lexsort((np.arange(field.size), -counts))
    order = order[counts[order] > 0]
    kept, rest = np.sort(order[:settings.words]), order[settings.words:]
    place = np.zeros(field.size, np.int64)
    place[kept], place[rest] = np.arange(len(kept)), len(kept)
    names = [f"={field.words[i]}" for i in kept] + ([f"={len(rest)} others"] if len(rest) else [])
    table = np.zeros((len(field.offsets) - 1, len(names)), np.uint8)
    table[np.repeat(np.arange(len(table)), np.diff(field.offsets)), place[field.values]] = 1
    return field.name, *_with_missing(names, table)


def _numbers(name: str, values: np.ndarray, settings: Fields) -> tuple[str, list[str], np.ndarray]:
    there = np.isfinite(values)
    edges = np.unique(np.quantile(values[there], np.linspace(0, 1, settings.buckets + 1)[1:-1])) if there.any() else []
    edges = np.asarray(edges, np.float64)
    edges = edges[edges > values[there].min()] if there.any() else edges
    names = [f"<{edge:g}" for edge in edges]
    names.append(f"≥{edges[-1]:g}" if len(edges) else "")
    table = np.zeros((len(values), len(names)), np.uint8)
    table[np.flatnonzero(there), np.searchsorted(edges, values[there], side="right")] = 1
    return name, *_with_missing(names, table)


def _with_missing(names: list[str], table: np.ndarray) -> tuple[list[str], np.ndarray]:
    """With a column for the rows that have none, where some have; a column that says nothing goes."""
    missing = ~table.any(1)
    if missing.any():
        names, table = [*names, f"={MISSING}"], np.concatenate([table, missing[:, None].astype(np.uint8)], 1)
    varied = ~(table == table[:1]).all(0)
    return [name for name, kept in zip(names, varied, strict=True) if kept], table[:, varied]
