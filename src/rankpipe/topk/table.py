"""What convert leaves in ``build/<size>/topk/table``.

{train,valid,test,fold_in}.h5: users (n,) int32, items (n,) int32, sorted by both; where the source names them times
(n,) int64 and ratings (n,) float32; in valid and test of the split ``leaderboard`` sequential (n,) bool. fold_in.h5 is
there for the split ``held_out_users`` alone.

{users,items}.h5: names; fields/<i>: name, words, offsets and values of a field of categories, or offsets and numbers of
a field of numbers. Row c belongs to code c.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.topk.interactions import Interactions

TRACK = "topk"
_REMEDY = "run convert (dvc repro)"


@dataclass(frozen=True)
class RawField:
    """A field as the source has it: ragged over the m users or items."""

    name: str
    offsets: np.ndarray
    """(m + 1,) int64."""
    values: np.ndarray
    """(t,) int32 codes into ``words``, rising within a row; or float64 numbers, where there are no words."""
    words: list[str] | None
    """In order of the numbers where all are whole numbers, else of the text; None: a field of numbers."""

    @property
    def rows(self) -> np.ndarray:
        """(t,) the row of each value."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))


def write_split(path: Path, rows: Interactions, sequential: np.ndarray | None) -> None:
    """One of the four files of interactions."""
    with ArraysWriter(path) as file:
        file.put("users", rows.users)
        file.put("items", rows.items)
        if rows.times is not None:
            file.put("times", rows.times)
        if rows.ratings is not None:
            file.put("ratings", rows.ratings)
        if sequential is not None:
            file.put("sequential", sequential)


def read_split(size: str, name: str, n_users: int, n_items: int) -> tuple[Interactions, np.ndarray | None]:
    """The rows of a split, and (n,) bool whether each lies behind its user's cut, where the split says so.

    Raises:
        InputError: missing or damaged file; codes out of range or out of order.
    """
    path = paths.split(size, TRACK, name)
    with ArraysReader(path, _REMEDY) as file:
        users, items = file.read("users"), file.read("items")
        times, ratings, sequential = (file.read(key) if key in file else None
                                      for key in ("times", "ratings", "sequential"))
    rows = Interactions(users, items, n_users, n_items, times, ratings)
    parts = [x for x in (items, times, ratings, sequential) if x is not None]
    whole = all(len(x) == len(users) for x in parts)
    if not whole or _outside(users, n_users) or _outside(items, n_items) or (np.diff(rows.keys()) <= 0).any():
        raise InputError(f"{path}: rows out of range or out of order; delete it and {_REMEDY}")
    return rows, sequential


def write_side(path: Path, names: list[str], fields: list[RawField]) -> None:
    """``users.h5`` or ``items.h5``."""
    with ArraysWriter(path) as file:
        file.words("names", names)
        for i, field in enumerate(fields):
            at = f"fields/{i:03d}"
            file.words(f"{at}/name", [field.name])
            file.put(f"{at}/offsets", field.offsets.astype(np.int64))
            if field.words is None:
                file.put(f"{at}/numbers", field.values.astype(np.float64))
            else:
                file.words(f"{at}/words", field.words)
                file.put(f"{at}/values", field.values.astype(np.int32))


def read_names(size: str, side: Literal["users", "items"]) -> list[str]:
    """Raises InputError where the file is missing or damaged."""
    with ArraysReader(paths.table(size, TRACK) / f"{side}.h5", _REMEDY) as file:
        return file.words("names")


def read_fields(size: str, side: Literal["users", "items"]) -> list[RawField]:
    """Raises InputError where the file is missing or damaged."""
    found = []
    with ArraysReader(paths.table(size, TRACK) / f"{side}.h5", _REMEDY) as file:
        for i in file.names("fields"):
            at = f"fields/{i}"
            words = file.words(f"{at}/words") if "words" in file.names(at) else None
            values = file.read(f"{at}/{'numbers' if words is None else 'values'}")
            found.append(RawField(file.words(f"{at}/name")[0], file.read(f"{at}/offsets"), values, words))
    return found


def _outside(codes: np.ndarray, size: int) -> bool:
    return bool(len(codes)) and bool(codes.min() < 0 or codes.max() >= size)
