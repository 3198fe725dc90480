"""Parquet files as a stream of record batches, in memory that depends neither on rows nor on the size of row groups."""

import mmap
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rankpipe.errors import InputError, nearest


class ParquetTable:
    """An opened and checked file; :func:`open_parquet` makes one.

    The file is mapped, not read: Arrow fetches a whole column chunk at once, gigabytes in a file of one row group, and
    its buffered streams grow towards the same. A chunk of a map costs no memory, and used pages are handed back.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: not found; put the file there or fetch it (dvc pull)")
        try:
            with self.path.open("rb") as file:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            self._file = pq.ParquetFile(pa.BufferReader(pa.py_buffer(self._map)), pre_buffer=False,
                                        page_checksum_verification=True)
            self.schema: pa.Schema = self._file.schema_arrow
        except (pa.ArrowException, OSError, ValueError) as error:
            raise InputError(f"{path}: not a whole parquet file ({error}); fetch or write it again") from error
        metadata = self._file.metadata
        self.rows: int = metadata.num_rows
        self.names: tuple[str, ...] = tuple(self.schema.names)
        self.group_rows: list[int] = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]

    def require(self, columns: Sequence[str], key: str = "the schema in params.yaml") -> None:
        """Raises InputError, naming the nearest column, where one of ``columns`` is missing or stands twice."""
        for name in columns:
            if name not in self.names:
                raise InputError(f"{self.path}: no column '{name}', which {key} names; {nearest(name, self.names)}")
            if self.names.count(name) > 1:
                raise InputError(f"{self.path}: column '{name}' stands there twice; rename one")

    def spans(self, columns: Sequence[str], batch_rows: int, groups: Sequence[int] | None = None,
              ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(position of the first row, record batch) over row groups ``groups`` (all), in file order.

        Batches never cross a row group, so they are the same whichever process reads which group.

        Raises:
            InputError: missing column, damaged file.
        """
        columns = list(dict.fromkeys(columns))
        self.require(columns)
        starts = np.concatenate([[0], np.cumsum(self.group_rows)]).tolist()
        for group in range(len(self.group_rows)) if groups is None else groups:
            first = starts[group]
            batches = self._file.iter_batches(batch_rows, row_groups=[group], columns=columns, use_threads=False)
            while True:
                try:
                    batch = next(batches, None)
                except (pa.ArrowException, OSError) as error:
                    raise InputError(f"{self.path}: damaged after row {first} ({error}); write it again") from error
                if batch is None:
                    break
                self._map.madvise(mmap.MADV_DONTNEED)
                yield first, batch
                first += batch.num_rows
            if first != starts[group + 1]:
                raise InputError(f"{self.path}: row group {group} ends after row {first}, not {starts[group + 1]} as "
                                 "its footer says; write it again")


def open_parquet(path: str | Path) -> ParquetTable:
    """The file's names, types and row counts, without reading rows.

    Raises:
        InputError: missing, truncated or not parquet.
    """
    return ParquetTable(path)


def iterate(path: str | Path, columns: Sequence[str], batch_rows: int = 4096, mask: np.ndarray | None = None,
            ) -> Iterator[pa.RecordBatch]:
    """Record batches of at most ``batch_rows`` rows in file order; with ``mask`` (N,) bool only the rows it marks.

    Row groups without a marked row are not read.

    Raises:
        InputError: missing or damaged file, missing column, mask of another length.
    """
    table = open_parquet(path)
    if mask is None:
        for _, batch in table.spans(columns, batch_rows):
            yield batch
        return
    if len(mask) != table.rows:
        raise InputError(f"{path}: has {table.rows} rows, the selection {len(mask)}; run extract again")
    for first, batch in table.spans(columns, batch_rows, marked_groups(table, mask)):
        marked = np.asarray(mask[first:first + batch.num_rows], dtype=bool)
        if marked.all():
            yield batch
        elif marked.any():
            yield batch.filter(pa.array(marked))


def marked_groups(table: ParquetTable, mask: np.ndarray) -> list[int]:
    """The row groups in which ``mask`` (one item a row) marks a row."""
    ends = np.cumsum(table.group_rows).tolist()
    return [i for i, (end, n) in enumerate(zip(ends, table.group_rows, strict=True)) if np.any(mask[end - n:end])]
