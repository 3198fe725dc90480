"""The few columns that choosing and splitting rows needs, read in one pass and kept at a few bytes a row."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rankpipe import progress
from rankpipe.data.columns import Words
from rankpipe.data.origin import Origin
from rankpipe.data.values import read_label, seconds, text
from rankpipe.errors import InputError
from rankpipe.io.parquet import ParquetTable

_MAX_STRATA = 1000
MISSING = "(missing)"


@dataclass
class Roles:
    """Over the N rows of the raw file."""

    label: np.ndarray
    """(N,) uint8."""
    strata: np.ndarray
    """(N,) uint16 codes into ``words``."""
    words: list[tuple[str, ...]]
    """Stratum → the words of the ``stratify`` columns."""
    stratify: tuple[str, ...]
    group: np.ndarray | None = None
    """(N,) int32 codes into ``group_words``."""
    group_words: Words | tuple[str, ...] = ()
    group_column: str | None = None
    timestamp: np.ndarray | None = None
    """(N,) int64 unix seconds."""


def read_roles(table: ParquetTable, label: str, stratify: tuple[str, ...], group: str | None, timestamp: str | None,
               title: str) -> Roles:
    """Streams the columns.

    Raises:
        InputError: missing column, a label that isn't 0 or 1, more strata than can hold rows worth comparing.
    """
    n = table.rows
    table.require(stratify, "params.yaml: ctr.extract.stratify")
    if group:
        table.require((group,), "the group column in params.yaml")
    wanted = [label, *stratify, *([group] if group else []), *([timestamp] if timestamp else [])]
    roles = Roles(np.empty(n, np.uint8), np.zeros(n, np.uint16), [], stratify, group_column=group)
    codes: dict[tuple[str, ...], int] = {}
    group_words = Words()
    if group:
        roles.group = np.empty(n, np.int32)
    if timestamp:
        roles.timestamp = np.empty(n, np.int64)
    with progress.bar(n, title) as bar:
        for first, batch in table.spans(wanted, 1 << 16):
            origin = Origin(str(table.path), np.arange(first, first + batch.num_rows))
            here = slice(first, first + batch.num_rows)
            roles.label[here] = read_label(batch.column(label), label, origin)
            roles.strata[here] = _strata(batch, stratify, codes, origin)
            if group:
                roles.group[here] = _word_codes(batch.column(group), group, group_words, origin)
            if timestamp:
                roles.timestamp[here] = seconds(batch.column(timestamp), timestamp, origin)
            bar.update(batch.num_rows)
    roles.words = list(codes)
    roles.group_words = group_words
    return roles


def _encoded(array: pa.Array, column: str, origin: Origin) -> pa.DictionaryArray:
    words = text(array, column, origin)
    return (words.fill_null(MISSING) if words.null_count else words).dictionary_encode()


def _word_codes(array: pa.Array, column: str, words: Words, origin: Origin) -> np.ndarray:
    encoded = _encoded(array, column, origin)
    return words.grow(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]


def _strata(batch: pa.RecordBatch, stratify: tuple[str, ...], codes: dict[tuple[str, ...], int],
            origin: Origin) -> np.ndarray:
    """(n,) codes of the rows' words, numbered by first appearance."""
    parts = [_encoded(batch.column(c), c, origin) for c in stratify]
    joint = np.zeros(batch.num_rows, np.int64)
    for part in parts:
        joint = joint * len(part.dictionary) + part.indices.to_numpy()
    distinct, first, inverse = np.unique(joint, return_index=True, return_inverse=True)
    mapping = np.empty(len(distinct), np.uint16)
    for i in np.argsort(first):
        words = tuple(part.dictionary[int(part.indices[int(first[i])].as_py())].as_py() for part in parts)
        if words not in codes and len(codes) == _MAX_STRATA:
            raise InputError(f"params.yaml: ctr.extract.stratify: {', '.join(stratify)} have over {_MAX_STRATA} "
                             f"combinations of values in {origin.name}; name fewer")
        mapping[i] = codes.setdefault(words, len(codes))
    return mapping[inverse]
