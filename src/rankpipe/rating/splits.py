"""Which of the chosen reviews train, which stop training, and which judge.

All draws are by a hash of seed and position, or of the user's or item's id: neither the order of columns nor Python's
hash seed changes them.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.data.columns import Words
from rankpipe.data.splits import TEST, VALID, given_split, group_split, random_split
from rankpipe.errors import InputError
from rankpipe.io.delimited import open_table

KINDS = ("random", "temporal", "user_cold", "item_cold", "given")


@dataclass(frozen=True)
class Given:
    """The block ``rating.extract.given``."""

    path: str
    column: str | None = None
    """Of a table with a heading; None: the file holds nothing but one word a line."""


@dataclass(frozen=True)
class Raw:
    """The N rows of the raw file, but for ratings and texts."""

    users: np.ndarray
    """(N,) int32 codes into ``user_words``."""
    items: np.ndarray
    times: np.ndarray | None
    """(N,) int64 unix seconds."""
    user_words: Words
    item_words: Words
    path: str

    def __len__(self) -> int:
        return len(self.users)


def mark(kind: str, raw: Raw, chosen: np.ndarray, valid: float, test: float, seed: int,
         given: Given | None = None) -> np.ndarray:
    """(N,) uint8: 0 unused, 1 train, 2 valid, 3 test.

    Args:
        chosen: (N,) bool.
        valid: share of the chosen rows; ``given`` needs none.

    Raises:
        InputError: the split needs something that isn't there, or its file is not one word a row.
    """
    if kind == "random":
        return random_split(chosen, np.zeros(len(raw), np.uint8), [("",)], valid, test, seed)
    if kind == "temporal":
        return temporal(chosen, raw.times, valid, test)
    if kind in ("user_cold", "item_cold"):
        codes, words = (raw.users, raw.user_words) if kind == "user_cold" else (raw.items, raw.item_words)
        return group_split(chosen, codes, list(words), None, None, (valid, test), seed, kind, raw.path)
    if given is None:
        raise InputError("params.yaml: rating.extract.split: given needs a file of one word a row; set "
                         "rating.extract.given, {path: …}")
    return from_file(given, chosen, raw.path)


def temporal(chosen: np.ndarray, times: np.ndarray | None, valid: float, test: float) -> np.ndarray:
    """The last ``test`` of the rows, and ``valid`` before them. Rows of the second of a cut all fall behind it.

    So every row of train is strictly earlier than every row of valid, and those earlier than test.

    Raises:
        InputError: there are no times.
    """
    if times is None:
        raise InputError("params.yaml: rating.extract.split: temporal needs times; set rating.source.reviews.timestamp")
    marks = chosen.astype(np.uint8)
    order = np.sort(times[chosen])
    for share, value in ((test + valid, VALID), (test, TEST)):
        behind = round(len(order) * share)
        if behind:
            marks[chosen & (times >= order[len(order) - behind])] = value
    return marks


def from_file(given: Given, chosen: np.ndarray, source: str) -> np.ndarray:
    """The words of a file, one a raw row.

    Raises:
        InputError: missing file or column, another word, another number of words than rows.
    """
    path = Path(given.path)
    if not path.is_file():
        raise InputError(f"{path}: not found; params.yaml: rating.extract.given.path names it, one word a row")
    if given.column is not None:
        return given_split(chosen, _column(given), path, source)
    with path.open(encoding="utf-8", errors="replace") as lines:
        return given_split(chosen, lines, path, source)


def _column(given: Given) -> Iterator[str]:
    table = open_table(given.path)
    table.require((given.column or "",), "params.yaml: rating.extract.given.column")
    yield given.column or ""  # the heading, so that lines are counted as in the file
    for _, batch in table.spans((given.column or "",), 1 << 16):
        yield from (word or "" for word in batch.column(0).to_pylist())


def without_repeats(raw: Raw, keep: str) -> tuple[np.ndarray, np.ndarray | None]:
    """Rows of which the same user rated the same item once more: a copy of a train row in test would be known there.

    Args:
        keep: ``newest``: of each pair the last row in time (in the file, where there are no times); else all.

    Returns:
        (N,) bool, the rows to keep; two rows of one pair, or None where there are none.
    """
    kept = np.ones(len(raw), bool)
    pair = raw.users.astype(np.int64) * max(len(raw.item_words), 1) + raw.items
    ordered = np.sort(pair)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if not len(twice):
        return kept, None
    index = np.flatnonzero(np.isin(pair, twice))
    by = (pair[index],) if raw.times is None else (raw.times[index], pair[index])
    index = index[np.lexsort(by)]  # stable: of equal times the later row comes later
    again = np.flatnonzero(pair[index[1:]] == pair[index[:-1]])
    if keep == "newest":
        kept[index[again]] = False
    first = again[np.argmin(np.maximum(index[again], index[again + 1]))]
    return kept, np.sort(index[first:first + 2])
