"""A split that a file states: one word a raw row, alone on its line or in a column of a table."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rankpipe.data.splits import SPLITS, TRAIN, UNUSED, VALID, given_split
from rankpipe.errors import InputError
from rankpipe.io.delimited import open_table
from rankpipe.params import bounded
from rankpipe.topk.rows import Rows
from rankpipe.topk.splits import RULES, Shares


@dataclass(frozen=True)
class Carved:
    """A valid split taken out of the file's train rows, where the file has none."""

    split: Literal["leaderboard", "loglog", "leave_last_out", "random", "temporal"] = "random"
    ratio: float = bounded(0.1, above=0, below=0.5)


@dataclass(frozen=True)
class Given:
    """The block ``topk.extract.given``."""

    path: str
    column: str | None = None
    """Of a table with a heading; None: the file holds nothing but one word a line."""
    valid: Carved | None = None


def given_marks(settings: Given | None, rows: Rows, positions: np.ndarray, raw_rows: int, shares: Shares,
                source: str) -> np.ndarray:
    """(n,) marks of ``rows`` as the file has them at their raw ``positions``.

    Raises:
        InputError: missing file or column, another word, another number of words than raw rows, no valid rows.
    """
    if settings is None:
        raise InputError("params.yaml: topk.extract.split: given needs a file of one word a row; set "
                         "topk.extract.given")
    words = _words(settings, raw_rows, source)[positions]
    where = f"{settings.path}: " + (f"column '{settings.column}' " if settings.column else "")
    if settings.valid is None:
        if not (words == VALID).any():
            raise InputError(f"{where}has no valid rows; set params.yaml: topk.extract.given.valid, such as "
                             "{split: random, ratio: 0.1}, to take some out of train")
        return words
    if (words == VALID).any():
        raise InputError(f"{where}has valid rows of its own; drop params.yaml: topk.extract.given.valid")
    index = np.flatnonzero(words == TRAIN)
    carving = Shares(settings.valid.ratio, shares.sequential, shares.fold_in)
    words[index] = RULES[settings.valid.split](rows.take(index), carving, (VALID,))
    return words


def _words(settings: Given, raw_rows: int, source: str) -> np.ndarray:
    """(N,) uint8 marks."""
    path = Path(settings.path)
    if not path.is_file():
        raise InputError(f"{path}: not found; params.yaml: topk.extract.given must name a file of one word a row")
    if settings.column is None:
        with path.open(encoding="utf-8", errors="replace") as lines:
            return given_split(np.ones(raw_rows, bool), lines, path, source)
    table = open_table(path)
    table.require((settings.column,), "params.yaml: topk.extract.given.column")
    marks = np.full(raw_rows, UNUSED, np.uint8)
    count = 0
    for first, batch in table.spans((settings.column,), 1 << 16):
        for i, word in enumerate(batch.column(0).to_pylist()):
            if word not in SPLITS:
                raise InputError(f"{path}: column '{settings.column}', row {first + i} (the first is 0): '{word}'; "
                                 "each row must be train, valid or test")
            if first + i < raw_rows:
                marks[first + i] = SPLITS[word]
        count = first + batch.num_rows
    if count != raw_rows:
        raise InputError(f"{path}: {count} words for the {raw_rows} rows of {source}; give one word a row")
    return marks


