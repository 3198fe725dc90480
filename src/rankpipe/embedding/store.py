"""Vectors of many sentences on disk: written block by block, and searched without reading them all at once.

A folder of ``vectors.h5`` (arrays ``row``, ``vector``, and the words ``text``) or ``vectors.parquet`` (columns ``row``,
``text``, ``vector``), of ``index.faiss`` where a graph was asked for, and of ``prediction.json``, which says what they
were made from.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.io.parquet import open_parquet

Format = Literal["h5", "parquet"]
NAME = "vectors"
REMEDY = "run predict-embedding again (dvc repro)"
BLOCK = 4096
"""Rows that are read at once."""


class Append(Protocol):
    def __call__(self, rows: Sequence[int], texts: Sequence[str], vectors: np.ndarray) -> None:
        """Adds n sentences: the rows where they stand in their file, and vectors (n, d) float32."""


def writer(folder: Path, kind: Format, dim: int) -> AbstractContextManager[Append]:
    """Gives a function that appends to a new file of vectors in ``folder``, which is there. Equal blocks give equal
    bytes.
    """
    return (_h5 if kind == "h5" else _parquet)(folder / f"{NAME}.{kind}", dim)


@contextmanager
def _h5(path: Path, dim: int) -> Iterator[Append]:
    with ArraysWriter(path) as file:
        file.grow("row", "<i8")
        file.grow("vector", "<f4", (dim,))
        file.grow("text/text", "|u1")
        file.grow("text/ends", "<i8")
        end = 0

        def append(rows: Sequence[int], texts: Sequence[str], vectors: np.ndarray) -> None:
            nonlocal end
            words = [text.encode() for text in texts]
            file.append("row", np.array(rows, np.int64))
            file.append("vector", vectors.astype("<f4", copy=False))
            file.append("text/text", np.frombuffer(b"".join(words), np.uint8))
            ends = end + np.cumsum([len(word) for word in words], dtype=np.int64)
            file.append("text/ends", ends)
            end = int(ends[-1]) if len(ends) else end

        yield append


@contextmanager
def _parquet(path: Path, dim: int) -> Iterator[Append]:
    schema = pa.schema([("row", pa.int64()), ("text", pa.large_string()), ("vector", pa.list_(pa.float32(), dim))])
    with pq.ParquetWriter(path, schema, compression={"row": "zstd", "text": "zstd"}, use_dictionary=False,
                          write_statistics=False, write_page_checksum=True) as file:

        def append(rows: Sequence[int], texts: Sequence[str], vectors: np.ndarray) -> None:
            flat = pa.array(np.ascontiguousarray(vectors, np.float32).ravel())
            file.write_batch(pa.record_batch([pa.array(rows, pa.int64()), pa.array(texts, pa.large_string()),
                                              pa.FixedSizeListArray.from_arrays(flat, dim)], schema=schema))

        yield append


class Store:
    """A written file of vectors.

    Raises:
        InputError: on opening or reading, where it is missing or damaged.
    """

    def __init__(self, folder: Path, kind: Format):
        self.path = Path(folder) / f"{NAME}.{kind}"
        self._file: Any = ArraysReader(self.path, REMEDY) if kind == "h5" else open_parquet(self.path)

    def blocks(self) -> Iterator[np.ndarray]:
        """(b, d) float32, all vectors in order."""
        if isinstance(self._file, ArraysReader):
            for start in range(0, self._file.rows("vector"), BLOCK):
                yield self._file.read("vector", start, start + BLOCK)
            return
        for _, batch in self._file.spans(["vector"], BLOCK):
            yield batch.column(0).flatten().to_numpy().reshape(batch.num_rows, -1)

    def sentences(self, places: np.ndarray) -> dict[int, tuple[int, str]]:
        """Place among the vectors → (row in the file that was embedded, text), for each of ``places``."""
        wanted = sorted(set(places.tolist()))
        if isinstance(self._file, ArraysReader):
            return {place: (int(self._file.read("row", place, place + 1)[0]), self._text(place)) for place in wanted}
        found = {}
        ends = np.cumsum(self._file.group_rows)
        groups = sorted(set(np.searchsorted(ends, wanted, side="right").tolist()))
        for first, batch in self._file.spans(["row", "text"], BLOCK, groups):
            for place in wanted:
                if first <= place < first + batch.num_rows:
                    found[place] = tuple(column[place - first].as_py() for column in batch.columns)
        return found

    def _text(self, place: int) -> str:
        ends = self._file.read("text/ends", max(0, place - 1), place + 1).tolist()
        try:
            return self._file.read("text/text", ends[0] if place else 0, ends[-1]).tobytes().decode()
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: damaged at text {place} ({error}); {REMEDY}") from error
