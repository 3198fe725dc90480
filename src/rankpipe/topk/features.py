"""Fits the encodings of the side fields on the users and items that train has, and encodes all.

A category that too few of them hold is dropped; numbers are put into buckets of about equal numbers of them.
"""

from dataclasses import asdict, dataclass
from dataclasses import field as default
from typing import Any, Literal

import numpy as np

from rankpipe import params, paths
from rankpipe.errors import InputError, nearest
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import read_json, write_json
from rankpipe.topk.fields import Field, field
from rankpipe.topk.table import TRACK, RawField, read_fields, read_names, read_split

FIELDS = "fields.json"
ARRAYS = "fields.h5"
DEFAULT = "default"
SIDES = ("users", "items")
_REMEDY = "run features (dvc repro)"


@dataclass(frozen=True)
class Features:
    """The block ``topk.features`` of params.yaml. Keys are fields; ``default`` holds for all others."""

    min_count: dict[str, int] = default(default_factory=lambda: {DEFAULT: 1})
    """Users (or items) of train that must hold a category."""
    buckets: dict[str, int] = default(default_factory=lambda: {DEFAULT: 10})
    """At most so many of a field of numbers."""

    def __post_init__(self) -> None:
        for name, values, low in (("min_count", self.min_count, 1), ("buckets", self.buckets, 2)):
            if DEFAULT not in values:
                raise ValueError(f"{name} needs the key {DEFAULT}")
            wrong = [key for key, value in values.items() if value < low]
            if wrong:
                raise ValueError(f"{name}.{wrong[0]}: {values[wrong[0]]} is out of range; it must be ≥ {low}")


@dataclass(frozen=True)
class About:
    """What fields.json says of a field."""

    name: str
    size: int
    words: tuple[str, ...] | None = None
    """(size,) of a field of categories."""
    edges: tuple[float, ...] | None = None
    """(size − 1,) of a field of numbers: bucket b holds edges[b − 1] ≤ x < edges[b]."""


def features(size: str) -> None:
    """Writes ``fields.json`` (side → fields with their words or bucket edges) and ``fields.h5`` (their values).

    Raises:
        InputError: the table is missing or damaged, a parameter names no field, a field without a value in train.
    """
    where = "params.yaml: topk.features"
    settings = params.block(Features, params.get(params.load(), "topk.features"), where)
    raw = {side: read_fields(size, side) for side in SIDES}
    known = [f.name for side in SIDES for f in raw[side]]
    for block, values in (("min_count", settings.min_count), ("buckets", settings.buckets)):
        for name in values:
            if name not in (DEFAULT, *known):
                raise InputError(f"{where}.{block}.{name}: no field '{name}'; {nearest(name, known)}")
    names = {side: read_names(size, side) for side in SIDES}
    train, _ = read_split(size, "train", len(names["users"]), len(names["items"]))
    present = {"users": np.bincount(train.users, minlength=train.n_users) > 0, "items": train.popularity() > 0}
    with atomic_folder(paths.features(size, TRACK)) as folder:
        stated: dict[str, list[dict[str, Any]]] = {side: [] for side in SIDES}
        with ArraysWriter(folder / ARRAYS) as file:
            for side in SIDES:
                for i, one in enumerate(raw[side]):
                    about, found = encode(one, present[side], settings)
                    stated[side].append(asdict(about))
                    file.put(f"{side}/{i:03d}/offsets", found.offsets)
                    file.put(f"{side}/{i:03d}/values", found.values)
        write_json(folder / FIELDS, stated)


def encode(raw: RawField, present: np.ndarray, settings: Features) -> tuple[About, Field]:
    """What fields.json says of the field, and the field.

    Args:
        present: (rows,) bool, the users or items of train.

    Raises:
        InputError: no value is left.
    """
    n, rows = len(raw.offsets) - 1, raw.rows
    fitted = present[rows]
    if raw.words is None:
        edges = bucket_edges(raw.values[fitted], settings.buckets.get(raw.name, settings.buckets[DEFAULT]))
        if not fitted.any():
            raise InputError(f"field '{raw.name}' has no number of anything in train; drop it from params.yaml: "
                             "topk.source")
        return About(raw.name, len(edges) + 1, edges=tuple(edges.tolist())), field(
            raw.name, len(edges) + 1, rows, np.searchsorted(edges, raw.values, side="right"), n)
    least = settings.min_count.get(raw.name, settings.min_count[DEFAULT])
    kept = np.bincount(raw.values[fitted], minlength=len(raw.words)) >= least
    if not kept.any():
        raise InputError(f"params.yaml: topk.features.min_count: no value of field '{raw.name}' occurs {least} times "
                         "in train; lower it, or drop the field")
    place = np.cumsum(kept) - 1
    held = kept[raw.values]
    words = tuple(word for word, keep in zip(raw.words, kept, strict=True) if keep)
    return About(raw.name, len(words), words), field(raw.name, len(words), rows[held], place[raw.values[held]], n)


def bucket_edges(values: np.ndarray, buckets: int) -> np.ndarray:
    """(≤ buckets − 1,) rising: bucket b holds edges[b − 1] ≤ x < edges[b], about as many of ``values`` in each.

    Edges are values that occur, and never the least one, so no bucket is empty.
    """
    if not len(values):
        return np.zeros(0)
    found = np.unique(np.quantile(values, np.arange(1, buckets) / buckets, method="higher"))
    return found[found > values.min()]


def about(size: str, side: Literal["users", "items"]) -> tuple[About, ...]:
    """What features says of the fields of one side.

    Raises:
        InputError: missing or damaged file.
    """
    path = paths.features(size, TRACK) / FIELDS
    stated = read_json(path)
    if not isinstance(stated, dict) or not isinstance(stated.get(side), list):
        raise InputError(f"{path}: has no list of the fields of {side}; {_REMEDY}")
    return tuple(params.block(About, one, f"{path}: {side}") for one in stated[side])


def read(size: str, side: Literal["users", "items"], rows: int) -> tuple[Field, ...]:
    """The fields of one side, each of ``rows`` rows.

    Raises:
        InputError: missing or damaged files, or fields of another table.
    """
    path = paths.features(size, TRACK) / ARRAYS
    found = []
    with ArraysReader(path, _REMEDY) as file:
        for i, one in enumerate(about(size, side)):
            offsets, values = (file.read(f"{side}/{i:03d}/{part}") for part in ("offsets", "values"))
            if len(offsets) != rows + 1 or offsets[-1] != len(values) or values.max(initial=0) >= one.size:
                raise InputError(f"{path}: field '{one.name}' is of another table; {_REMEDY}")
            found.append(Field(one.name, one.size, offsets, values))
    return tuple(found)
