"""What convert leaves for all later stages of this track: ratings, review texts, and what is known of users and items.

``build/<size>/rating/table`` holds::

    table.json                     :class:`About`
    {train,valid,test}.h5          users (n,) int32, items (n,) int32, ratings (n,) float32, rows (n,) int64, and, where
                                   the source names timestamps, times (n,) int64; rows in the order of the raw file
    {train,valid,test}.parquet     text (n,), in the same order, where the source names a text
    users.h5, items.h5             names; stats/<name> and numbers/<name> (m,) float32; fields/<i>/{name,words,offsets,
                                   values}: row c belongs to code c

Only users and items of the train split have codes; elsewhere −1 stands for one that train has never seen.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rankpipe import params, paths
from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.io.json import read_json
from rankpipe.io.parquet import open_parquet

TRACK = "rating"
SPLITS = ("train", "valid", "test")
SIDES: tuple[Literal["users"], Literal["items"]] = ("users", "items")
ABOUT = "table.json"
FORMAT = 1
_REMEDY = "run convert (dvc repro)"
_TEXT_ROWS = 1024


@dataclass(frozen=True)
class Ratings:
    """The n rows of one split, in the order of the raw file."""

    users: np.ndarray
    """(n,) int32 codes, −1 = not in train."""
    items: np.ndarray
    """(n,) int32 codes, −1 = not in train."""
    ratings: np.ndarray
    """(n,) float32 in [low, high] of :class:`About`."""
    times: np.ndarray | None
    """(n,) int64 unix seconds; None where the source names no timestamp."""
    rows: np.ndarray
    """(n,) int64 position of each row in the raw file, rising."""

    def __len__(self) -> int:
        return len(self.users)


@dataclass(frozen=True)
class Field:
    """Words of one side: each user or item has none, one or several."""

    name: str
    words: list[str]
    """In order of the text, or of the number where all are whole numbers."""
    offsets: np.ndarray
    """(m + 1,) int64, starting at 0: row i owns ``values[offsets[i]:offsets[i + 1]]``; empty = unknown."""
    values: np.ndarray
    """(t,) int32 codes into ``words``, rising and without repetition within a row."""

    @property
    def size(self) -> int:
        return len(self.words)

    @property
    def single(self) -> bool:
        """No row has more than one word."""
        return bool(np.diff(self.offsets).max(initial=0) <= 1)


@dataclass(frozen=True)
class Side:
    """What is known of the m users (or items) of the train split; row c belongs to code c."""

    names: list[str]
    """Raw ids."""
    stats: dict[str, np.ndarray]
    """Name → (m,) float32 as the raw file has it, NaN = unknown; only the stats that the source names. Of users:
    review_count, useful, compliment, fans, average_stars; of items: review_count, stars. In Yelp's files the two means
    are over all reviews of the raw data, those of valid and test among them."""
    numbers: dict[str, np.ndarray]
    """Further numeric columns: name → (m,) float32, NaN = unknown."""
    fields: tuple[Field, ...]
    """Further columns of words."""

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class About:
    """The table as a whole."""

    low: float
    """The lowest rating there may be, and the highest."""
    high: float
    text: bool
    times: bool
    rows: dict[str, int]
    """Split → number of its rows."""
    format: int = FORMAT


def about(size: str) -> About:
    """Raises InputError where the table is missing or of another format."""
    path = paths.table(size, TRACK) / ABOUT
    found = params.block(About, read_json(path), str(path))
    if found.format != FORMAT:
        raise InputError(f"{path}: format {found.format}, this version reads {FORMAT}; run convert again")
    return found


def read(size: str, split: str) -> Ratings:
    """The whole split, 28 bytes a row.

    Raises:
        InputError: missing or damaged file.
    """
    with ArraysReader(paths.split(size, TRACK, split), _REMEDY) as file:
        times = file.read("times") if "times" in file else None
        return Ratings(file.read("users"), file.read("items"), file.read("ratings"), times, file.read("rows"))


def texts(size: str, split: str, batch_rows: int = _TEXT_ROWS) -> Iterator[list[str]]:
    """The reviews' texts in the order of :func:`read`, at most ``batch_rows`` at a time; "" where there is none.

    Raises:
        InputError: missing or damaged file, or a source without text (see ``about(size).text``).
    """
    if not about(size).text:
        raise InputError("params.yaml: rating.source: names no text column, and a text block was asked for; set "
                         "rating.source.reviews.text, or drop the block")
    for _, batch in open_parquet(text_path(paths.table(size, TRACK), split)).spans(["text"], batch_rows):
        yield batch.column(0).to_pylist()


def users(size: str) -> Side:
    """Raises InputError where the file is missing or damaged."""
    return read_side(paths.table(size, TRACK), "users")


def items(size: str) -> Side:
    """Raises InputError where the file is missing or damaged."""
    return read_side(paths.table(size, TRACK), "items")


def read_side(folder: Path, which: Literal["users", "items"]) -> Side:
    """``users.h5`` or ``items.h5`` of a table's folder."""
    with ArraysReader(folder / f"{which}.h5", _REMEDY) as file:
        fields = []
        for i in sorted(file.names("fields"), key=int):
            at = f"fields/{i}"
            fields.append(Field(file.words(f"{at}/name")[0], file.words(f"{at}/words"), file.read(f"{at}/offsets"),
                                file.read(f"{at}/values")))
        stats, numbers = ({name: file.read(f"{kind}/{name}") for name in file.names(kind)}
                          for kind in ("stats", "numbers"))
        return Side(file.words("names"), stats, numbers, tuple(fields))


def write_side(folder: Path, which: Literal["users", "items"], side: Side) -> None:
    """The file that :func:`read_side` reads."""
    with ArraysWriter(folder / f"{which}.h5") as file:
        file.words("names", side.names)
        for kind, columns in (("stats", side.stats), ("numbers", side.numbers)):
            for name in sorted(columns):
                file.put(f"{kind}/{name}", columns[name].astype(np.float32))
        for i, field in enumerate(side.fields):
            file.words(f"fields/{i}/name", [field.name])
            file.words(f"fields/{i}/words", field.words)
            file.put(f"fields/{i}/offsets", field.offsets.astype(np.int64))
            file.put(f"fields/{i}/values", field.values.astype(np.int32))


def text_path(folder: Path, split: str) -> Path:
    return folder / f"{split}.parquet"


def text_writer(path: Path) -> pq.ParquetWriter:
    """Open it as a context; ``write_batch`` takes a batch of :func:`text_batch`."""
    return pq.ParquetWriter(path, pa.schema([("text", pa.large_string())]), compression="zstd",
                            use_dictionary=False, write_statistics=False, write_page_checksum=True)


def text_batch(values: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_arrays([pa.array(values, pa.large_string())], ["text"])


def about_json(found: About) -> dict[str, Any]:
    return asdict(found)
