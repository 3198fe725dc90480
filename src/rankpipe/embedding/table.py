"""What convert leaves for all later stages of this track: sentences to train on, and pairs with their similarity.

``build/<size>/embedding/table`` holds::

    table.json                     :class:`About`
    corpus.parquet                 text: sentences to train on, each once
    held_out.parquet               text: sentences of the corpus kept back, the same at every size
    {train,valid,test}.parquet     first, second, score, genre
    triplets.parquet               anchor, positive, negative, where the source names triplets

Rows stand in the order of the raw files. No sentence of valid or test pairs is in corpus, held_out or triplets.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from rankpipe import params, paths
from rankpipe.errors import InputError
from rankpipe.io.json import read_json
from rankpipe.io.parquet import open_parquet

TRACK = "embedding"
SPLITS = ("train", "valid", "test")
ABOUT = "table.json"
FORMAT = 1
TEXT = ("text",)
PAIR = ("first", "second", "score", "genre")
TRIPLET = ("anchor", "positive", "negative")
_BATCH_ROWS = 1 << 14


@dataclass(frozen=True)
class Pairs:
    """The n pairs of one split."""

    first: list[str]
    second: list[str]
    score: np.ndarray
    """(n,) float32 in [0, 1]: how similar they are, 0 not at all."""
    genre: list[str]
    """"" where the source names none."""

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True)
class Triplets:
    """n anchors, each with a sentence that is nearer to it than another."""

    anchor: list[str]
    positive: list[str]
    negative: list[str]

    def __len__(self) -> int:
        return len(self.anchor)


@dataclass(frozen=True)
class About:
    """The table as a whole."""

    rows: dict[str, int] = field(default_factory=dict)
    """Name of each file, without its ending → its rows."""
    format: int = FORMAT


def about(size: str) -> About:
    """Raises InputError where the table is missing or of another format."""
    path = paths.table(size, TRACK) / ABOUT
    found = params.block(About, read_json(path), str(path))
    if found.format != FORMAT:
        raise InputError(f"{path}: format {found.format}, this version reads {FORMAT}; run convert again")
    return found


def texts(size: str) -> list[str]:
    """The sentences to train on.

    Raises:
        InputError: missing or damaged file.
    """
    return _column(_file(size, "corpus"), "text")


def held_out_texts(size: str) -> list[str]:
    """The sentences kept back, on which a vocabulary is judged.

    Raises:
        InputError: missing or damaged file.
    """
    return _column(_file(size, "held_out"), "text")


def pairs(size: str, split: str) -> Pairs:
    """The pairs of train, valid or test.

    Raises:
        InputError: missing or damaged file.
    """
    path = _file(size, split)
    found = {name: _column(path, name) for name in PAIR}
    return Pairs(found["first"], found["second"], np.array(found["score"], np.float32), found["genre"])


def triplets(size: str) -> Triplets | None:
    """None where the source names none.

    Raises:
        InputError: missing or damaged file.
    """
    if "triplets" not in about(size).rows:
        return None
    path = _file(size, "triplets")
    return Triplets(*(_column(path, name) for name in TRIPLET))


class Columns:
    """An open parquet file of text columns and, under the name score, float32."""

    def __init__(self, file: pq.ParquetWriter, schema: pa.Schema):
        self._file, self._schema = file, schema
        self.rows = 0

    def write(self, *columns: Sequence[str] | np.ndarray | pa.Array) -> None:
        """One sequence a column, all of the same length."""
        arrays = [pa.array(values, kind) if not isinstance(values, pa.Array) else pc.cast(values, kind)
                  for values, kind in zip(columns, self._schema.types, strict=True)]
        self._file.write_batch(pa.RecordBatch.from_arrays(arrays, schema=self._schema), _BATCH_ROWS)
        self.rows += len(arrays[0])


@contextmanager
def open_columns(path: Path, names: Sequence[str]) -> Iterator[Columns]:
    """A file to write block by block; equal blocks give equal bytes."""
    schema = pa.schema([(name, pa.float32() if name == "score" else pa.large_string()) for name in names])
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["genre"] if "genre" in names else False,
                          write_statistics=False, write_page_checksum=True) as file:
        yield Columns(file, schema)


def _file(size: str, name: str) -> Path:
    return paths.table(size, TRACK) / f"{name}.parquet"


def _column(path: Path, name: str) -> list:
    found = []
    for _, batch in open_parquet(path).spans([name], _BATCH_ROWS):
        found += batch.column(0).to_pylist()
    return found
