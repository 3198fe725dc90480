"""Record batches → typed columns: the one place where raw values are read, for training and prediction alike."""

import numpy as np
import pyarrow as pa

from rankpipe.data.columns import Columns, Dictionaries, Sequences, Words
from rankpipe.data.origin import Origin
from rankpipe.data.schema import STATISTICS, Schema
from rankpipe.data.sequences import parse_field, parse_times
from rankpipe.data.tokens import sequence_statistics
from rankpipe.data.values import numbers, read_label, seconds, text
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
            numeric[:, j] = numbers(batch.column(name), name, origin)
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


def _codes(array: pa.Array, column: str, dictionaries: Dictionaries, key: str, origin: Origin) -> np.ndarray:
    """(n,) int32 codes, −1 = missing."""
    encoded = text(array, column, origin).dictionary_encode()
    codes = Words.of(dictionaries, key).grow(encoded.dictionary.to_pylist())
    indices = encoded.indices
    if indices.null_count == 0:
        return codes[indices.to_numpy()]
    return np.append(codes, np.int32(-1))[indices.fill_null(len(codes)).to_numpy()]
