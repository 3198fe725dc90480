"""Turns the chosen raw rows and the tables of side fields into columnar H5.

Memory: about 70 bytes a chosen row, for they are sorted; the raw file streams by.
"""

from dataclasses import dataclass

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.columns import Words
from rankpipe.data.splits import TEST, TRAIN, VALID
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.topk.extract import TRACK, joined, selection
from rankpipe.topk.interactions import Interactions
from rankpipe.topk.reading import interactions, ordered, pairs
from rankpipe.topk.source import FieldColumn, InteractionsFile, source
from rankpipe.topk.splits import FOLD_IN, SEQUENTIAL
from rankpipe.topk.table import RawField, write_side, write_split

SPLITS = {"train": (TRAIN,), "valid": (VALID, VALID + SEQUENTIAL), "test": (TEST, TEST + SEQUENTIAL),
          "fold_in": (FOLD_IN,)}


@dataclass(frozen=True)
class Convert:
    """The block ``topk.convert`` of params.yaml."""

    ratings: bool = True
    """Keep the column ``rating``, where the source names one."""


def convert(size: str) -> None:
    """Writes the folder ``table``; :mod:`rankpipe.topk.table` has the layout.

    Raises:
        InputError: missing or damaged file, a selection of another table, a field whose ids are no user's or item's.
    """
    values = params.load()
    settings = params.block(Convert, params.get(values, "topk.convert"), "params.yaml: topk.convert")
    raw = source(values)
    marks = selection(size)
    rows, mark, names = _chosen(raw.interactions, marks, settings.ratings, f"convert {size}")
    with atomic_folder(paths.table(size, TRACK)) as folder:
        for name, mine in SPLITS.items():
            inside = np.isin(mark, mine)
            if inside.any() or name != "fold_in":
                behind = np.isin(mark[inside], (VALID + SEQUENTIAL, TEST + SEQUENTIAL))
                write_split(folder / f"{name}.h5", rows.take(inside), behind if behind.any() else None)
        for side, columns, known in (("users", raw.user_fields, names[0]), ("items", raw.item_fields, names[1])):
            fields = [_field(name, column, known, side, f"params.yaml: topk.source.{side[:-1]}_fields.{name}")
                      for name, column in columns.items()]
            write_side(folder / f"{side}.h5", known, sorted(fields, key=lambda field: field.name))


def _chosen(file: InteractionsFile, marks: np.ndarray, ratings: bool, title: str,
            ) -> tuple[Interactions, np.ndarray, tuple[list[str], list[str]]]:
    """The chosen rows sorted by codes in the order of the names, (n,) their marks, and the names."""
    words = Words(), Words()
    parts: list[list[np.ndarray | None]] = []
    count = 0
    with progress.bar(len(marks), title) as bar:
        for block in interactions(file, *words):
            count = block.first + len(block)
            mine = np.asarray(marks[block.first:count])
            if len(mine) != len(block):
                break
            index = np.flatnonzero(mine)
            kept = (block.users, block.items, block.times, block.ratings if ratings else None)
            parts.append([*(None if x is None else x[index] for x in kept), mine[index]])
            bar.update(len(block))
    if count != len(marks):
        raise InputError(f"{file.path}: has other rows than the {len(marks)} of the selection; run extract again")
    (users, user_names), (items, item_names) = (_compact(joined(parts, i), words[i]) for i in (0, 1))
    order = np.argsort(users.astype(np.int64) * len(item_names) + items, kind="stable")
    users, items = users[order], items[order]
    times, found, mark = (None if (x := joined(parts, i)) is None else x[order] for i in (2, 3, 4))
    rows = Interactions(users, items, len(user_names), len(item_names), times, found)
    return rows, mark, (user_names, item_names)


def _compact(codes: np.ndarray, words: Words) -> tuple[np.ndarray, list[str]]:
    """Codes of the words that occur, in their order, and those words."""
    present = np.flatnonzero(np.bincount(codes, minlength=len(words)))
    names = [words[i] for i in present]
    order = ordered(names)
    place = np.zeros(len(words), np.int32)
    place[present[order]] = np.arange(len(order))
    return place[codes], [names[i] for i in order]


def _field(name: str, column: FieldColumn, names: list[str], side: str, key: str) -> RawField:
    """What the tables say of ``names``; ``otherwise`` is asked for those that the first table says nothing of."""
    codes = {word: code for code, word in enumerate(names)}
    words = Words()
    rows, values = np.zeros(0, np.int64), np.zeros(0, np.float64)
    asked: FieldColumn | None = column
    while asked is not None:
        told = np.zeros(len(names), bool)
        told[rows] = True
        more = [(rows, values)]
        for ids, found in pairs(asked, key):
            row = np.fromiter((codes.get(i, -1) for i in ids), np.int64, len(ids))
            ours = np.flatnonzero(row >= 0)
            ours = ours[~told[row[ours]]]
            mine = words.grow([found[i] for i in ours]) if isinstance(found, list) else found[ours]
            more.append((row[ours], mine))
        rows, values = (np.concatenate([part[i] for part in more]) for i in (0, 1))
        asked = asked.otherwise
    if not len(rows):
        raise InputError(f"{column.path}: column '{column.id}' names none of the {len(names)} {side}, or all values of "
                         f"'{column.column}' are missing; mend {key}")
    if column.kind != "category":
        pairs_ = np.unique(np.stack([rows, values], 1), axis=0)
        return RawField(name, _offsets(pairs_[:, 0].astype(np.int64), len(names)), pairs_[:, 1], None)
    order = ordered(words)
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    key_ = np.unique(rows * len(words) + place[values.astype(np.int64)])
    return RawField(name, _offsets(key_ // len(words), len(names)), (key_ % len(words)).astype(np.int32),
                    [words[i] for i in order])


def _offsets(rows: np.ndarray, n: int) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=n))])
