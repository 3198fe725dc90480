"""Record batches → typed columns: the one place where raw values are read, for training and prediction alike."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankpipe.data.columns import Columns, Dictionaries, Sequences, Words
from rankpipe.data.origin import Origin
from rankpipe.data.schema import STATISTICS, Schema
from rankpipe.data.sequences import parse_field, parse_times
from rankpipe.data.tokens import sequence_statistics
from rankpipe.errors import InputError, nearest

GROUP = "/group"
"""Where the group column's words stand among the dictionaries."""


def raw_columns(schema: Schema, label: bool) -> tuple[str, ...]:
    """The columns :func:`parse` reads; label, group and row timestamp only where rows are labelled."""
    extra = (schema.label, schema.group, schema.timestamp) if label else ()
    return tuple(dict.fromkeys([*schema.features(), *(c for c in extra if c)]))


def parse(batch: pa.RecordBatch, schema: Schema, dictionaries: Dictionaries, first_row: int = 0, label: bool = False,
          rows: np.ndarray | None = None, where: str = "data") -> Columns:
    """The n rows of ``batch`` as columns.

    Args:
        dictionaries: grown in place by words that are new, in order of first appearance.
        first_row: position of the batch's first row, for ``Columns.rows`` and for errors.
        label: read label, group and row timestamp too.
        rows: (n,) positions, where the rows don't follow each other.
        where: what the rows come from, the opening of every error.

    Raises:
        InputError: missing column, wrong type, a label that isn't 0 or 1, an infinite number, an unreadable sequence.
    """
    for name in raw_columns(schema, label):
        if batch.schema.names.count(name) != 1:
            raise InputError(f"{where}: no column '{name}' (or two of them), which the schema names; "
                             f"{nearest(name, batch.schema.names)}")
    n = batch.num_rows
    rows = np.arange(first_row, first_row + n, dtype=np.int64) if rows is None else np.asarray(rows, np.int64)
    origin = Origin(where, rows)
    categorical = np.empty((n, len(schema.categorical)), np.int32)
    for j, name in enumerate(schema.categorical):
        categorical[:, j] = _codes(batch.column(name), name, dictionaries, name, origin)

    numeric = np.empty((n, len(schema.numeric) + len(schema.statistic_names())), np.float32)
    with np.errstate(over="ignore"):
        for j, name in enumerate(schema.numeric):
            numeric[:, j] = _numbers(batch.column(name), name, origin)
    infinite = np.isinf(numeric[:, :len(schema.numeric)])
    if infinite.any():
        i, j = (int(x[0]) for x in np.nonzero(infinite))
        raise origin.value(schema.numeric[j], i, "infinite, or beyond float32; write a finite number, or null where it "
                                                 "is missing")

    sequences: dict[str, Sequences] = {}
    at = len(schema.numeric)
    for name, group in schema.sequence.items():
        fields: dict[str, np.ndarray] = {}
        offsets: np.ndarray | None = None
        for field, column in group.fields.items():
            key = f"{name}.{field}"
            theirs, fields[field] = parse_field(batch.column(column), group, key, column, dictionaries, origin)
            offsets = theirs if offsets is None else offsets
            _same_lengths(offsets, theirs, group.fields[group.first], column, origin)
        times = None
        if group.timestamps:
            theirs, times = parse_times(batch.column(group.timestamps), group, origin)
            _same_lengths(offsets, theirs, group.fields[group.first], group.timestamps, origin)
        sequences[name] = Sequences(offsets, fields, times)
        if group.statistics:
            statistics = numeric[:, at:at + len(STATISTICS)]
            sequence_statistics(fields[group.first], offsets, statistics)
            if group.items == "text":
                statistics[:, STATISTICS.index("last")] = 0  # a code has no meaning outside its file
            at += len(STATISTICS)

    columns = Columns(categorical, numeric, sequences, rows=rows)
    if label:
        columns.label = read_label(batch.column(schema.label), schema.label, origin)
        if schema.group:
            columns.group = _codes(batch.column(schema.group), schema.group, dictionaries, GROUP, origin)
    if schema.timestamp and schema.timestamp in batch.schema.names:
        columns.timestamp = seconds(batch.column(schema.timestamp), schema.timestamp, origin)
    return columns


def _same_lengths(offsets: np.ndarray, theirs: np.ndarray, first: str, column: str, origin: Origin) -> None:
    if not np.array_equal(offsets, theirs):
        i = int(np.nonzero(np.diff(offsets) != np.diff(theirs))[0][0])
        have, want = int(theirs[i + 1] - theirs[i]), int(offsets[i + 1] - offsets[i])
        raise origin.value(column, i, f"{have} items, but '{first}' has {want}; columns of one sequence group must be "
                                      "equally long")


def text(array: pa.Array, column: str, origin: Origin) -> pa.Array:
    """The values of any plain type as text, null and NaN as null.

    Raises:
        InputError: a nested type.
    """
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_floating(array.type):
        array = pc.if_else(pc.is_nan(array), pa.scalar(None, array.type), array)
    if pa.types.is_string(array.type) or pa.types.is_large_string(array.type):
        return array
    try:
        return array.cast(pa.string())
    except pa.ArrowException as error:
        raise origin.column(column, f"wrong type {array.type}; expected text or plain numbers") from error


def _codes(array: pa.Array, column: str, dictionaries: Dictionaries, key: str, origin: Origin) -> np.ndarray:
    """(n,) int32 codes, −1 = missing."""
    encoded = text(array, column, origin).dictionary_encode()
    codes = Words.of(dictionaries, key).grow(encoded.dictionary.to_pylist())
    indices = encoded.indices.fill_null(len(codes)).to_numpy(zero_copy_only=False)
    return np.append(codes, np.int32(-1))[indices]


def _numbers(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) floats, NaN = missing."""
    kind = array.type
    if pa.types.is_null(kind):
        return np.full(len(array), np.nan, np.float32)
    if pa.types.is_boolean(kind):
        array = array.cast(pa.int8())
    elif pa.types.is_decimal(kind):
        array = array.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
        raise origin.column(column, f"wrong type {kind}; expected numbers: cast it, or give it another role in the "
                                    "schema")
    return array.to_numpy(zero_copy_only=False)


def read_label(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) float32 of 0 and 1.

    Raises:
        InputError: wrong type, a missing value, or another one.
    """
    label = _numbers(array, column, origin).astype(np.float32)
    wrong = np.nonzero((label != 0) & (label != 1))[0]
    if len(wrong):
        i = int(wrong[0])
        value = "missing" if np.isnan(label[i]) else f"{label[i]:g}"
        raise origin.value(column, i, f"the label is {value}; it must be 0 or 1, drop or mend the row")
    return label


def seconds(array: pa.Array, column: str, origin: Origin) -> np.ndarray:
    """(n,) int64 unix seconds, from whole numbers, floats or Arrow timestamps.

    Raises:
        InputError: another type, or a missing value.
    """
    if pa.types.is_timestamp(array.type):
        array = array.cast(pa.timestamp("s", array.type.tz), safe=False).cast(pa.int64())
    values = _numbers(array, column, origin)
    wrong = np.nonzero(~np.isfinite(values))[0] if values.dtype.kind == "f" else ()
    if len(wrong):
        raise origin.value(column, int(wrong[0]), "the timestamp is missing; drop or mend the row")
    return values.astype(np.int64)
