"""Scores on their way to a submission: joined to the sample by ID, never by row order.

Of every row 29 bytes are held: a 64-bit hash of its ID, its score, and the sort order. Two of n different IDs share a
hash with probability n²/2⁶⁵ (6·10⁻⁸ for 1.5 million); such a pair would be refused as doubled, not swapped.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file

CSV_BLOCK = 1 << 22

Ids = Callable[[], Iterator[pa.Array]]
"""Streams all IDs of a file as text, anew at each call."""


class Scores:
    """One score for each ID of a table with ``rows`` rows, in any order."""

    def __init__(self, rows: int, source: Path, column: str):
        self.source, self.column = source, column
        self.hashes = np.empty(rows, np.uint64)
        self.values = np.empty(rows, np.float32)
        self.rows = 0

    def add(self, ids: pa.Array, probabilities: np.ndarray) -> None:
        """The next rows: ``ids`` (n,) text, ``probabilities`` (n,).

        Raises:
            InputError: an ID is missing, or a probability is NaN or outside [0, 1].
        """
        if ids.null_count:
            row = self.rows + int(np.argmax(ids.is_null().to_numpy(zero_copy_only=False)))
            raise InputError(f"{self.source}: column '{self.column}', row {row} (the first is 0): missing")
        wrong = ~((probabilities >= 0) & (probabilities <= 1))
        if wrong.any():
            at = int(wrong.argmax())
            raise InputError(f"{self.source}: '{self.column}' {ids[at]}: the model gave {probabilities[at]}, which is "
                             "no probability; train it anew")
        stop = self.rows + len(ids)
        self.hashes[self.rows : stop] = hashed(ids)
        self.values[self.rows : stop] = probabilities
        self.rows = stop

    def mean(self) -> float:
        """Of the probabilities; to be held against the click rate."""
        return float(self.values[: self.rows].mean(dtype=np.float64)) if self.rows else 0.0

    def write(self, path: Path, label: str, own_ids: Ids, sample: Path | None, sample_ids: Ids | None) -> None:
        """Writes ``<id>,<label>`` in the order of ``sample``, or of the table itself where there is none.

        Raises:
            InputError: an ID is doubled, is missing from the sample, or is missing from the table; it is named.
        """
        order = np.argsort(self.hashes, kind="stable")
        ordered = self.hashes[order]
        doubled = np.flatnonzero(ordered[1:] == ordered[:-1])
        if len(doubled):
            name = _at(own_ids, int(order[doubled[0] + 1]))
            raise InputError(f"{self.source}: '{self.column}' {name} is there twice; every row needs an ID of its own")
        wanted, where = (own_ids, self.source) if sample is None or sample_ids is None else (sample_ids, sample)
        asked, written = np.zeros(self.rows, bool), 0
        with atomic_file(path) as partial, partial.open("wb") as file:
            file.write(f"{_quoted(self.column)},{_quoted(label)}\n".encode())
            for ids in wanted():
                rows = self._places(ids, ordered, order, where)
                seen = asked[rows]
                asked[rows] = True
                written += len(rows)
                if np.count_nonzero(asked) < written:
                    again = seen.argmax() if seen.any() else pd.Series(rows).duplicated().to_numpy().argmax()
                    raise InputError(f"{where}: '{self.column}' {ids[int(again)]} is there twice")
                _write(file, ids, self.values[rows])
            if not asked.all():
                name = _at(own_ids, int(np.argmin(asked)))
                raise InputError(f"{where}: '{self.column}' {name} is missing; {self.source} holds it")

    def _places(self, ids: pa.Array, ordered: np.ndarray, order: np.ndarray, where: Path) -> np.ndarray:
        if ids.null_count:
            raise InputError(f"{where}: '{self.column}' is missing in a row; every row needs an ID")
        hashes = hashed(ids)
        at = np.minimum(np.searchsorted(ordered, hashes), max(len(ordered) - 1, 0))
        strange = ordered[at] != hashes if len(ordered) else np.ones(len(hashes), bool)
        if strange.any():
            raise InputError(f"{where}: '{self.column}' {ids[int(strange.argmax())]} is not in {self.source}")
        return order[at]


def as_text(ids: pa.Array, source: Path, column: str) -> pa.Array:
    """An ID column as text: words as they are, whole numbers in decimal.

    Raises:
        InputError: numbers with a fraction and other types, which have no one spelling; text that isn't UTF-8.
    """
    if pa.types.is_dictionary(ids.type):
        ids = ids.dictionary_decode()
    if not (pa.types.is_string(ids.type) or pa.types.is_large_string(ids.type) or pa.types.is_integer(ids.type)):
        raise InputError(f"{source}: '{column}' is of type {ids.type}; an ID is text or a whole number")
    try:
        ids.validate(full=True)
    except pa.ArrowInvalid as error:
        raise InputError(f"{source}: '{column}' holds text that isn't UTF-8; write the file again") from error
    return ids.cast(pa.string())


def sample_reader(sample: Path, column: str, label: str) -> Ids:
    """Streams the IDs of a sample submission.

    Raises:
        InputError: the file is missing or unreadable, or its columns are not ``column`` and ``label``.
    """
    if not sample.is_file():
        raise InputError(f"{sample}: not found; run dvc pull, or set ctr.source.sample_submission to null")

    def stream() -> Iterator[pa.Array]:
        options = pa.csv.ConvertOptions(column_types={column: pa.string()}, strings_can_be_null=True, null_values=[""])
        try:
            with pa.csv.open_csv(sample, pa.csv.ReadOptions(block_size=CSV_BLOCK), convert_options=options) as reader:
                names = reader.schema.names
                if column not in names or not set(names) <= {column, label}:
                    raise InputError(f"{sample}: its columns are {','.join(names)}, and {column},{label} were expected")
                for batch in reader:
                    yield batch.column(names.index(column))
        except pa.ArrowInvalid as error:
            raise InputError(f"{sample}: not readable as CSV ({error})") from error

    return stream


def hashed(ids: pa.Array) -> np.ndarray:
    """(n,) uint64; the same text gives the same number in every process."""
    return pd.util.hash_array(ids.to_numpy(zero_copy_only=False), categorize=False)


def _at(ids: Ids, row: int) -> str:
    for block in ids():
        if row < len(block):
            return str(block[row])
        row -= len(block)
    raise IndexError(row)


def _write(file: object, ids: pa.Array, values: np.ndarray) -> None:
    table = pa.table({"id": ids, "p": pa.array(values, pa.float32())})
    # Quotes only where a reader would need them: the samples have none.
    special = pc.any(pc.match_substring_regex(ids, '[",\\r\\n]')).as_py()
    options = pa.csv.WriteOptions(include_header=False, quoting_style="needed" if special else "none")
    pa.csv.write_csv(table, file, options)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"' if any(c in name for c in '",\r\n') else name
