"""Chooses the users of one size and splits their rows into train, valid and test.

Nothing is copied: the output is one byte a raw row and the split's diagnostics; convert reads the chosen rows from the
raw file. Memory: about 100 bytes a raw row, whose users and items must be known together before any can be hidden.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.columns import Words
from rankpipe.data.sampling import word_key
from rankpipe.data.splits import SPLITS, TEST, TRAIN, VALID
from rankpipe.errors import InputError, nearest
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded
from rankpipe.topk.diagnostics import diagnostics
from rankpipe.topk.given import Given, given_marks
from rankpipe.topk.reading import interactions, ordered
from rankpipe.topk.source import InteractionsFile, source
from rankpipe.topk.splits import FOLD_IN, PAIR_OF_SETS, RULES, SEQUENTIAL, Rows, Shares, without_strangers

TRACK = "topk"
SELECTION = "selection.npy"
DIAGNOSTICS = "diagnostics.json"


@dataclass(frozen=True)
class Size:
    """One entry of ``topk.extract.sizes``."""

    users: int | None = bounded(None, low=1)
    """None takes all; a size holds the users of every smaller one."""


@dataclass(frozen=True)
class Extract:
    """The block ``topk.extract`` of params.yaml."""

    sizes: dict[str, Size]
    split: Literal["leaderboard", "loglog", "leave_last_out", "random", "temporal", "held_out_users",
                   "given"] = "leaderboard"
    ratio: float = bounded(0.1, above=0, below=0.5)
    sequential: float = bounded(0.5, low=0, high=1)
    fold_in: float = bounded(0.8, above=0, below=1)
    given: Given | None = None

    @property
    def shares(self) -> Shares:
        return Shares(self.ratio, self.sequential, self.fold_in)


@dataclass(frozen=True)
class Chosen:
    """The rows of one size, and where they stand among the N raw ones."""

    rows: Rows
    positions: np.ndarray
    """(n,) int64 in the raw file."""
    counts: dict[str, int]
    """What became of the raw rows, for the diagnostics."""


def extract(size: str) -> None:
    """Writes ``diagnostics.json`` and ``selection.npy`` (N,) uint8: 0 unused, 1 train, 2 valid, 3 test, 4 and 5 the
    last two behind the cut in time, 6 fold-in.

    Raises:
        InputError: unknown size, missing or damaged file or column, a bad row, a split that leaves a part empty.
    """
    values = params.load()
    settings = params.block(Extract, params.get(values, "topk.extract"), "params.yaml: topk.extract")
    seed = params.seed(values)
    if size not in settings.sizes:
        raise InputError(f"params.yaml: topk.extract.sizes: no size '{size}'; {nearest(size, settings.sizes)}")
    file = source(values).interactions
    wanted = settings.sizes[size].users
    chosen = choose(file, wanted, seed, f"extract {size}")
    found = chosen.counts["raw_users"]
    if wanted is not None and wanted > found:
        print(f"size {size} asks for {wanted} users, {file.path} has {found}: all are taken")
    if settings.split == "given":
        drawn = given_marks(settings.given, chosen.rows, chosen.positions, chosen.counts["raw_rows"], settings.shares,
                            file.path)
    else:
        drawn = RULES[settings.split](chosen.rows, settings.shares, PAIR_OF_SETS)
    marks = without_strangers(drawn, chosen.rows.users)
    for name, mark in SPLITS.items():
        if not np.isin(marks, (mark, mark + SEQUENTIAL) if mark != TRAIN else (TRAIN,)).any():
            raise InputError(f"{file.path}: size {size}, split {settings.split}: '{name}' is empty; take more users or "
                             "raise the ratio in params.yaml: topk.extract, or choose another split")
    with atomic_folder(paths.selection(size, TRACK)) as folder:
        selection = np.zeros(chosen.counts["raw_rows"], np.uint8)
        selection[chosen.positions] = marks
        buffer = io.BytesIO()  # into a file numpy writes by a call that loses the reason when the disk is full
        np.save(buffer, selection, allow_pickle=False)
        (folder / SELECTION).write_bytes(buffer.getbuffer())
        write_json(folder / DIAGNOSTICS, {
            "split": settings.split, "seed": seed, "requested_users": wanted,
            "took_all": wanted is None or wanted >= found, **chosen.counts,
            "hidden_of_unknown_users": int(((drawn != 0) & (marks == 0)).sum()),
            **diagnostics(marks, chosen.rows, {"train": (TRAIN,), "valid": (VALID, VALID + SEQUENTIAL),
                                               "test": (TEST, TEST + SEQUENTIAL), "fold_in": (FOLD_IN,)})})


def choose(file: InteractionsFile, users: int | None, seed: int, title: str) -> Chosen:
    """Reads the file, draws ``users`` of its users by a hash of their ids, and merges each pair's rows to the newest.

    Raises:
        InputError: see :func:`rankpipe.topk.reading.interactions`; or no row is left.
    """
    words = Words(), Words()
    parts: list[tuple[np.ndarray | None, ...]] = []
    with progress.bar(None, title) as bar:
        for block in interactions(file, *words):
            parts.append((block.users, block.items, block.times, block.ratings))
            bar.update(len(block))
    if not parts:
        raise InputError(f"{file.path}: has no rows; there is nothing to learn from")
    columns: list[np.ndarray | None] = []
    for i in range(4):  # column by column, so that no more than one stands in memory twice
        held = [part[i] for part in parts]
        columns.append(None if held[0] is None else np.concatenate(held))
    raw_rows = len(columns[0])
    del parts, held
    (user_codes, user_names), (item_codes, item_names) = (_sorted(columns[i], words[i]) for i in (0, 1))
    times, ratings = columns[2:]

    positions = np.flatnonzero(_drawn(user_names, users, seed)[user_codes])
    newest = _newest(positions, user_codes, item_codes, times, ratings, len(item_names))
    counts = {"raw_rows": raw_rows, "raw_users": len(user_names), "raw_items": len(item_names),
              "duplicates_merged": len(positions) - len(newest)}
    if ratings is not None and file.min_rating is not None:
        liked = ratings[newest] >= file.min_rating
        counts["below_min_rating"] = int((~liked).sum())
        newest = newest[liked]
        if not len(newest):
            raise InputError(f"{file.path}: no row has {file.rating} of {file.min_rating:g} or more; lower "
                             "params.yaml: topk.source.interactions.min_rating")
    rows = Rows(user_codes[newest], item_codes[newest], None if times is None else times[newest], user_names,
                item_names, seed)
    return Chosen(rows, newest, counts)


def _sorted(codes: np.ndarray, words: Words) -> tuple[np.ndarray, list[str]]:
    """Codes and words in the order of the words, which no order of rows can change."""
    order = ordered(words)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    return place[codes], [words[i] for i in order]


def _drawn(names: list[str], users: int | None, seed: int) -> np.ndarray:
    """(users,) bool."""
    if users is None or users >= len(names):
        return np.ones(len(names), bool)
    key = np.array([word_key(seed, "sample", name) for name in names], np.uint64)
    drawn = np.zeros(len(names), bool)
    drawn[np.argsort(key, kind="stable")[:users]] = True
    return drawn


def _newest(positions: np.ndarray, users: np.ndarray, items: np.ndarray, times: np.ndarray | None,
            ratings: np.ndarray | None, n_items: int) -> np.ndarray:
    """(n,) raw positions of one row a pair, by (user, item): the newest, of equal times the best rated."""
    pair = users[positions].astype(np.int64) * n_items + items[positions]
    order = np.argsort(pair, kind="stable")
    if not (np.diff(pair[order]) == 0).any():
        return positions[order]
    order = np.lexsort((*(x[positions] for x in (ratings, times) if x is not None), pair))
    pair = pair[order]
    last = np.append(pair[1:] != pair[:-1], True)
    return positions[order[last]]


def selection(size: str, rows: int | None = None) -> np.ndarray:
    """(N,) uint8 of :func:`extract`, left on the disk and read as it is used.

    Raises:
        InputError: missing, damaged, or of another number of rows.
    """
    path = paths.selection(size, TRACK) / SELECTION
    if not Path(path).is_file():
        raise InputError(f"{path}: not found; run extract (dvc repro), or fetch it (dvc pull)")
    try:
        marks = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a whole selection ({error}); delete it and run extract again") from error
    if marks.dtype != np.uint8 or marks.ndim != 1 or (rows is not None and len(marks) != rows):
        raise InputError(f"{path}: selects from {marks.size} rows, not from {rows}; run extract again")
    return marks
