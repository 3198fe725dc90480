"""The raw reviews as a stream of blocks: codes of users and items, ratings, times, texts."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from rankpipe.data.columns import Words
from rankpipe.data.origin import Origin
from rankpipe.data.typed import codes, numbers, times
from rankpipe.data.values import text
from rankpipe.rating.source import Source, open_raw

KEY = "params.yaml: rating.source.reviews"
_BATCH_ROWS = 8192


@dataclass(frozen=True)
class Block:
    """n rows in the order of the raw file."""

    rows: np.ndarray
    """(n,) int64 position in the raw file."""
    users: np.ndarray
    """(n,) int32 codes into the growing words."""
    items: np.ndarray
    ratings: np.ndarray
    """(n,) float32, all within the scale."""
    times: np.ndarray | None
    """(n,) int64 unix seconds."""
    texts: list[str] | None

    def __len__(self) -> int:
        return len(self.rows)


def reviews(source: Source, users: Words, items: Words, marks: np.ndarray | None = None,
            texts: bool = False) -> Iterator[Block]:
    """Streams the file; ``users`` and ``items`` grow by the ids that come by, in order of appearance.

    Args:
        marks: one item a raw row; where it is 0 the row is passed over. Rows beyond its end are passed over too.
        texts: read the texts, where the source names them; a missing one is "".

    Raises:
        InputError: missing or damaged file, missing column; an id, time or rating that is missing or of the wrong
            kind, or a rating off the scale.
    """
    file = source.reviews
    table = open_raw(file.path, file.separator)
    columns = [c for c in (file.user, file.item, file.rating, file.timestamp, file.text if texts else None)
               if c is not None]
    table.require(columns, KEY)
    for first, batch in table.spans(columns, _BATCH_ROWS):
        rows = np.arange(first, first + batch.num_rows)
        if marks is not None:
            chosen = np.flatnonzero(marks[first:first + batch.num_rows])
            if len(chosen) < batch.num_rows:
                rows, batch = rows[chosen], batch.take(pa.array(chosen))
        if not len(rows):
            continue
        origin = Origin(str(table.path), rows)
        yield Block(rows, codes(batch.column(file.user), file.user, users, origin),
                    codes(batch.column(file.item), file.item, items, origin),
                    _ratings(batch.column(file.rating), source, origin),
                    None if file.timestamp is None else times(batch.column(file.timestamp), file.timestamp, origin),
                    _texts(batch.column(file.text), file.text, origin) if texts and file.text else None)


def _ratings(array: pa.Array, source: Source, origin: Origin) -> np.ndarray:
    column = source.reviews.rating
    found = numbers(array, column, origin)
    wrong = np.flatnonzero(~((found >= source.low) & (found <= source.high)))
    if len(wrong):
        i = int(wrong[0])
        what = "the rating is missing; drop or mend the row" if np.isnan(found[i]) else (
            f"the rating is {found[i]:g}, off the scale from {source.low:g} to {source.high:g} that params.yaml: "
            "rating.source.scale states")
        raise origin.value(column, i, what)
    return found.astype(np.float32)


def _texts(array: pa.Array, column: str, origin: Origin) -> list[str]:
    return text(array, column, origin).fill_null("").to_pylist()
