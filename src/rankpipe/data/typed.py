"""Cells of a raw column as ids, numbers or seconds, whether they come as text (csv, JSON) or typed (parquet)."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankpipe.data.columns import Words
from rankpipe.data.origin import Origin
from rankpipe.data.values import text


def ids(array: pa.Array, column: str, origin: Origin) -> pa.Array:
    """(n,) text. Whole numbers that a frame with gaps has turned into floats are whole numbers again.

    Raises:
        InputError: a missing or empty id, or a number that isn't whole.
    """
    if pa.types.is_floating(array.type):
        values = array.to_numpy(zero_copy_only=False)
        wrong = np.flatnonzero(np.isfinite(values) & ((values != np.floor(values)) | (np.abs(values) >= 2**53)))
        if len(wrong):
            raise origin.value(column, int(wrong[0]), f"{values[wrong[0]]:g} can't be an id; write it as text")
        there = np.isfinite(values)
        array = pa.array(np.where(there, values, 0).astype(np.int64), mask=~there)
    found = text(array, column, origin)
    lacking = pc.or_kleene(pc.is_null(found), pc.equal(found, "")).fill_null(True)
    if pc.any(lacking).as_py():
        raise origin.value(column, pc.index(lacking, True).as_py(), "the id is missing; drop or mend the row")
    return found


def codes(array: pa.Array, column: str, words: Words, origin: Origin) -> np.ndarray:
    """(n,) int32 codes of the ids; ``words`` grow by those that are new."""
    encoded = ids(array, column, origin).dictionary_encode()
    return words.grow(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]


def numbers(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) float64, NaN where there is none (null, empty or NaN).

    Raises:
        InputError: a word that is no number, an infinity, or another type.
    """
    kind = array.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        cells = pc.utf8_trim_whitespace(array)
        array = pc.if_else(pc.equal(cells, ""), pa.scalar(None, kind), cells)
    elif pa.types.is_boolean(kind) or not (pa.types.is_primitive(kind) or pa.types.is_decimal(kind)
                                           or pa.types.is_null(kind)) or pa.types.is_temporal(kind):
        raise origin.column(column, f"wrong type {kind}; expected numbers")
    try:
        values = array.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowException as error:
        for i, cell in enumerate(array.to_pylist()):
            try:
                float(cell or 0)
            except ValueError:
                raise origin.value(column, i, f"'{cell:.60}' is not a number; mend it") from error
        raise origin.column(column, f"not readable as numbers ({error})") from error
    wrong = np.flatnonzero(np.isinf(values))
    if len(wrong):
        raise origin.value(column, int(wrong[0]), "the number is infinite; mend it")
    return values


def times(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) int64 unix seconds, from numbers of seconds, ISO dates (UTC where they name no zone) or Arrow timestamps.

    Raises:
        InputError: a missing time, or neither a number nor a date.
    """
    found = _moments(array, column, origin)
    if found.null_count:
        raise origin.value(column, pc.index(pc.is_null(found), True).as_py(),
                           "the time is missing; drop or mend the row, or name no timestamp")
    return found.to_numpy(zero_copy_only=False)


def _moments(array: pa.Array, column: str, origin: Origin) -> pa.Array:
    if pa.types.is_temporal(array.type):
        return array.cast(pa.timestamp("s", getattr(array.type, "tz", None)), safe=False).cast(pa.int64())
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        cells = pc.utf8_trim_whitespace(array)
        cells = pc.if_else(pc.equal(cells, ""), pa.scalar(None, cells.type), cells)
        for kind in (pa.int64(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
            try:
                found = cells.cast(kind)
            except pa.ArrowException:
                continue
            return found if kind == pa.int64() else pc.floor_temporal(found, unit="second").cast(
                pa.timestamp("s", kind.tz), safe=False).cast(pa.int64())
        for i, cell in enumerate(cells.to_pylist()):
            if cell is not None and not _is_moment(cell):
                raise origin.value(column, i, f"'{cell:.60}' is neither seconds nor a date like 2021-07-31 10:15:00")
    values = numbers(array, column, origin)
    there = np.isfinite(values)
    return pa.array(np.floor(np.where(there, values, 0)).astype(np.int64), mask=~there)


def _is_moment(cell: str) -> bool:
    for kind in (pa.float64(), pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            pa.scalar(cell).cast(kind)
        except pa.ArrowException:
            continue
        return True
    return False
