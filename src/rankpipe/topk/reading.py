"""The raw tables as a stream of blocks: interactions as codes of their ids, side fields as pairs of id and value."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankpipe.data.columns import Words
from rankpipe.data.origin import Origin
from rankpipe.data.values import text
from rankpipe.io.delimited import open_table
from rankpipe.topk.source import FieldColumn, InteractionsFile

_BATCH_ROWS = 1 << 16
_YEAR = re.compile(r"\((\d{4})\D?[^)]*\)")


@dataclass(frozen=True)
class Block:
    """Consecutive rows of the interactions file."""

    first: int
    """Position of the first row, from 0."""
    users: np.ndarray
    """(n,) int32 codes into the growing words."""
    items: np.ndarray
    times: np.ndarray | None
    """(n,) int64 unix seconds."""
    ratings: np.ndarray | None
    """(n,) float32."""

    def __len__(self) -> int:
        return len(self.users)


def interactions(file: InteractionsFile, users: Words, items: Words) -> Iterator[Block]:
    """Streams the file; ``users`` and ``items`` grow by the ids that come by, in order of appearance.

    Raises:
        InputError: missing or damaged file, missing column; an id, time or rating that is missing or of the wrong kind.
    """
    table = open_table(file.path, file.separator)
    columns = [c for c in (file.user, file.item, file.time, file.rating) if c is not None]
    table.require(columns, "params.yaml: topk.source.interactions")
    for first, batch in table.spans(columns, _BATCH_ROWS):
        origin = Origin(str(table.path), np.arange(first, first + batch.num_rows))
        yield Block(first, _codes(batch.column(file.user), file.user, users, origin),
                    _codes(batch.column(file.item), file.item, items, origin),
                    None if file.time is None else _times(batch.column(file.time), file.time, origin),
                    None if file.rating is None else
                    _numbers(batch.column(file.rating), file.rating, origin).astype(np.float32))


def pairs(column: FieldColumn, key: str) -> Iterator[tuple[list[str], list[str] | np.ndarray]]:
    """Blocks of (ids, values) of a side field, words or (n,) float64; rows without a value are left out.

    Args:
        key: the field's place in params.yaml, for errors.

    Raises:
        InputError: missing or damaged file, missing column, a missing id, or a number that isn't one.
    """
    table = open_table(column.path, column.separator)
    table.require((column.id, column.column), key)
    for first, batch in table.spans((column.id, column.column), _BATCH_ROWS):
        rows = np.arange(first, first + batch.num_rows)
        ids = _ids(batch.column(column.id), column.id, Origin(str(table.path), rows))
        cells = text(batch.column(column.column), column.column, Origin(str(table.path), rows))
        if column.split is not None:
            parts = pc.split_pattern(cells, column.split)
            parents = pc.list_parent_indices(parts)
            ids, cells, rows = ids.take(parents), pc.list_flatten(parts), rows[parents.to_numpy()]
        cells = pc.utf8_trim_whitespace(cells)
        empty = pc.or_(pc.is_null(cells), pc.is_in(cells, pa.array(["", *column.missing], pa.string())))
        held = pc.invert(empty)
        ids, cells, rows = ids.filter(held), cells.filter(held), rows[held.to_numpy(zero_copy_only=False)]
        if column.kind == "category":
            yield ids.to_pylist(), cells.to_pylist()
        elif column.kind == "number":
            values = _numbers(cells, column.column, Origin(str(table.path), rows), "name it in missing, or mend it")
            yield ids.to_pylist(), values
        else:
            found = [_YEAR.findall(title) for title in cells.to_pylist()]
            known = [i for i, years in enumerate(found) if years]
            yield ids.take(pa.array(known, pa.int64())).to_pylist(), np.array([float(found[i][-1]) for i in known])


def ordered(words: list[str]) -> np.ndarray:
    """(len(words),) the order by number where all are whole numbers, else by code point."""
    if all(w.isascii() and w.isdigit() for w in words):
        return np.array(sorted(range(len(words)), key=lambda i: (int(words[i]), words[i])), np.int64)
    return np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)


def _ids(array: pa.Array, column: str, origin: Origin) -> pa.Array:
    """Text; whole numbers that a frame with gaps has turned into floats are whole numbers again."""
    if pa.types.is_floating(array.type):
        values = array.to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(np.isfinite(values) & ((values != np.floor(values)) | (np.abs(values) >= 2**53)))
        if len(wrong):
            raise origin.value(column, int(wrong[0]), f"{values[wrong[0]]:g} is no id; ids are text or whole numbers")
        array = pa.array(np.nan_to_num(values, posinf=0, neginf=0).astype(np.int64), mask=~np.isfinite(values))
    words = text(array, column, origin)
    missing = pc.or_(pc.is_null(words), pc.equal(words, "")).fill_null(True)
    if pc.any(missing).as_py():
        raise origin.value(column, pc.index(missing, True).as_py(), "the id is missing; drop or mend the row")
    return words


def _codes(array: pa.Array, column: str, words: Words, origin: Origin) -> np.ndarray:
    encoded = _ids(array, column, origin).dictionary_encode()
    return words.grow(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]


def _numbers(array: pa.Array, column: str, origin: Origin, remedy: str = "drop or mend the row") -> np.ndarray:
    """(n,) float64, all finite."""
    if pa.types.is_boolean(array.type) or pa.types.is_nested(array.type):
        raise origin.column(column, f"wrong type {array.type}; expected numbers")
    try:
        values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException:
        values = np.array([_number(v) for v in array.to_pylist()])
    wrong = np.flatnonzero(~np.isfinite(values))
    if len(wrong):
        cell = array[int(wrong[0])].as_py()
        what = "the number is missing" if cell is None or cell != cell else f"'{cell}' is not a number"
        raise origin.value(column, int(wrong[0]), f"{what}; {remedy}")
    return values


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return float("nan")


def _times(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) int64 unix seconds from numbers, dates as text (UTC) or Arrow timestamps."""
    for kind in (pa.int64(), pa.timestamp("s")):
        try:
            if pa.types.is_temporal(array.type):
                array = array.cast(pa.timestamp("s"), safe=False)
            values = array.cast(kind).cast(pa.int64())
        except pa.ArrowException:
            continue
        if values.null_count:
            raise origin.value(column, pc.index(pc.is_null(values), True).as_py(),
                               "the time is missing; drop or mend the row")
        return values.to_numpy()
    return np.floor(_numbers(array, column, origin)).astype(np.int64)
