"""Chooses the users of one size and splits their rows into train, valid and test.

Nothing is copied: the output is one byte a raw row and the split's diagnostics; convert reads the chosen rows from the
raw file. Memory: about 75 bytes a raw row: all of a user's rows must be known before any can be hidden.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.columns import Words
from rankpipe.data.sampling import keys
from rankpipe.data.selection import load_selection, save_selection
from rankpipe.data.splits import SPLITS, TEST, TRAIN, VALID
from rankpipe.errors import InputError, nearest
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded
from rankpipe.topk.diagnostics import diagnostics
from rankpipe.topk.given import Given, given_marks
from rankpipe.topk.reading import interactions, ordered
from rankpipe.topk.rows import Rows, hashed
from rankpipe.topk.source import InteractionsFile, source
from rankpipe.topk.splits import FOLD_IN, PAIR_OF_SETS, RULES, SEQUENTIAL, Shares, without_strangers

TRACK = "topk"
SELECTION = "selection.npy"
DIAGNOSTICS = "diagnostics.json"
_RUN = 1 << 18


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
        of_all = np.zeros(chosen.counts["raw_rows"], np.uint8)
        of_all[chosen.positions] = marks
        save_selection(folder / SELECTION, of_all)
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
    parts: list[list[np.ndarray | None]] = []
    with progress.bar(None, title) as bar:
        for block in interactions(file, *words):
            parts.append([block.users, block.items, block.times, block.ratings])
            bar.update(len(block))
    if not parts:
        raise InputError(f"{file.path}: has no rows; there is nothing to learn from")
    (user_codes, user_keys), (item_codes, item_keys) = (
        _sorted(joined(parts, i), words[i], seed, side) for i, side in enumerate(("user", "item")))
    times, ratings = joined(parts, 2), joined(parts, 3)
    counts = {"raw_rows": len(user_codes), "raw_users": len(user_keys), "raw_items": len(item_keys)}

    drawn = _drawn(user_keys, users, seed)
    newest, before = _newest(drawn, user_codes, item_codes, times, ratings, len(item_keys))
    counts["duplicates_merged"] = before - len(newest)
    if ratings is not None and file.min_rating is not None:
        liked = ratings[newest] >= file.min_rating
        counts["below_min_rating"] = int((~liked).sum())
        newest = newest[liked]
        if not len(newest):
            raise InputError(f"{file.path}: no row has {file.rating} of {file.min_rating:g} or more; lower "
                             "params.yaml: topk.source.interactions.min_rating")
    rows = Rows(user_codes[newest], item_codes[newest], None if times is None else times[newest], user_keys, item_keys,
                seed)
    return Chosen(rows, newest, counts)


def joined(parts: list[list[np.ndarray | None]], i: int) -> np.ndarray | None:
    """Column ``i`` of all blocks, which give it up, so that no more than one column stands in memory twice."""
    held = [part[i] for part in parts]
    for part in parts:
        part[i] = None
    return None if held[0] is None else np.concatenate(held)


def _sorted(codes: np.ndarray, words: Words, seed: int, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Codes in the order of the words, which no order of rows can change, and the hashes of the words in that order."""
    order = ordered(words)
    place = np.empty(len(order), np.int32)
    place[order] = np.arange(len(order))
    return place[codes], hashed(words, seed, side)[order]


def _drawn(user_keys: np.ndarray, users: int | None, seed: int) -> np.ndarray:
    """(U,) bool: the ``users`` of lowest hash."""
    if users is None or users >= len(user_keys):
        return np.ones(len(user_keys), bool)
    drawn = np.zeros(len(user_keys), bool)
    drawn[np.argsort(keys(seed, "sample", user_keys), kind="stable")[:users]] = True
    return drawn


def _newest(drawn: np.ndarray, users: np.ndarray, items: np.ndarray, times: np.ndarray | None,
            ratings: np.ndarray | None, n_items: int) -> tuple[np.ndarray, int]:
    """(n,) raw positions of one row a pair, by (user, item): the newest, of equal times the best rated; and how many
    rows of ``drawn`` users there were. A run of users at a time, so that the keys of all never stand in memory."""
    order = np.argsort(users, kind="stable")
    if not drawn.all():
        order = order[drawn[users[order]]]
    ends = np.cumsum(np.bincount(users[order], minlength=len(drawn)))
    start = kept = 0
    while start < len(order):
        stop = int(ends[max(np.searchsorted(ends, start + _RUN, side="right") - 1, users[order[start]])])
        run = order[start:stop]
        pair = users[run].astype(np.int64) * n_items + items[run]
        place = np.lexsort((*(x[run] for x in (ratings, times) if x is not None), pair))
        pair = pair[place]
        newest = run[place[np.append(pair[1:] != pair[:-1], True)]]
        order[kept:kept + len(newest)] = newest  # never beyond what has been read
        start, kept = stop, kept + len(newest)
    return order[:kept], len(order)


def selection(size: str) -> np.ndarray:
    """(N,) uint8 of :func:`extract`, left on the disk and read as it is used.

    Raises:
        InputError: missing or damaged.
    """
    return load_selection(paths.selection(size, TRACK) / SELECTION)
