"""Delimited text (csv, tsv, RecBole's atomic files) as a stream of record batches of text, in bounded memory.

A heading such as ``user_id:token`` goes by the name before the colon.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from rankpipe.errors import InputError, nearest
from rankpipe.io.parquet import ParquetTable

SEPARATORS = {".csv": ",", ".tsv": "\t", ".inter": "\t", ".item": "\t", ".user": "\t", ".txt": "\t"}
"""By the file's ending, where params.yaml names none."""
MISSING = ("", "NaN", "nan", "null", "NULL")
"""Cells that hold nothing."""
_BLOCK_BYTES = 1 << 20
_KINDS = {"token", "token_seq", "float", "float_seq"}


class DelimitedTable:
    """An opened file with a heading. Columns come as text; a cell of :data:`MISSING` is null.

    Quotes group a cell in files separated by commas; elsewhere they are plain characters.

    Raises:
        InputError: missing or empty file, no separator known for its ending.
    """

    def __init__(self, path: str | Path, separator: str | None = None):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: not found; put the file there or fetch it (dvc pull)")
        if separator is None and self.path.suffix not in SEPARATORS:
            raise InputError(f"{path}: no separator is known for the ending '{self.path.suffix}'; set separator in "
                             "params.yaml")
        self._separator = separator or SEPARATORS[self.path.suffix]
        self._quote = '"' if self._separator == "," else False
        with self.path.open("rb") as file:
            heading, self._start = file.readline(), file.tell()
        try:
            line = heading.decode("utf-8-sig").rstrip("\r\n")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: the heading isn't UTF-8; write the file again") from error
        if not line.strip():
            raise InputError(f"{path}: no heading; the first line must name the columns")
        cells = next(csv.reader([line], delimiter=self._separator)) if self._quote else line.split(self._separator)
        self.names: tuple[str, ...] = tuple(_plain(cell.strip()) for cell in cells)

    def require(self, columns: Sequence[str], key: str = "params.yaml") -> None:
        """Raises InputError, naming the nearest column, where one of ``columns`` is missing or stands twice."""
        for name in columns:
            if name not in self.names:
                raise InputError(f"{self.path}: no column '{name}', which {key} names; {nearest(name, self.names)}")
            if self.names.count(name) > 1:
                raise InputError(f"{self.path}: column '{name}' stands there twice; rename one")

    def spans(self, columns: Sequence[str], batch_rows: int = 1 << 16) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(position of the first row, record batch of text), in file order; blank lines are no rows.

        Raises:
            InputError: missing column, a row of another width, text that isn't UTF-8.
        """
        columns = list(dict.fromkeys(columns))
        self.require(columns)
        # Columns that nobody asks for may share a name; Arrow wants all of them distinct.
        names = [name if name in columns else f"\0{i}" for i, name in enumerate(self.names)]
        rows = 0
        with self.path.open("rb") as file:
            file.seek(self._start)
            if not file.read(_BLOCK_BYTES).strip():
                return
            file.seek(self._start)
            try:
                batches = pa_csv.open_csv(
                    file, pa_csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES, column_names=names),
                    # A quoted cell, such as a review's text, may run over several lines, and over the end of a block.
                    pa_csv.ParseOptions(delimiter=self._separator, quote_char=self._quote,
                                        newlines_in_values=bool(self._quote)),
                    pa_csv.ConvertOptions(include_columns=columns, column_types=dict.fromkeys(columns, pa.string()),
                                          null_values=list(MISSING), strings_can_be_null=True))
                for batch in batches:
                    for start in range(0, batch.num_rows, batch_rows):
                        part = batch.slice(start, batch_rows)
                        yield rows, part
                        rows += part.num_rows
            except pa.ArrowException as error:
                raise InputError(f"{self.path}: damaged after row {rows} ({error}); mend it or set separator in "
                                 "params.yaml") from error


def open_table(path: str | Path, separator: str | None = None) -> DelimitedTable | ParquetTable:
    """A table by its ending: parquet, or delimited text. Both have ``path``, ``names``, ``require`` and ``spans``.

    Raises:
        InputError: missing, damaged or of an ending that no separator is known for.
    """
    return ParquetTable(path) if Path(path).suffix == ".parquet" else DelimitedTable(path, separator)


def _plain(cell: str) -> str:
    name, _, kind = cell.partition(":")
    return name if kind in _KINDS else cell
