"""Which rows train and which are hidden, in one or two hidden sets drawn by the same rule.

Rules mark the n rows of :class:`Rows`. All draws are by a hash of seed, purpose and the ids themselves: neither the
order of the raw rows nor that of the columns changes them. Where a rule hides c rows for each of k sets, it draws k·c
rows and deals them out at random, so that the sets differ by chance alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rankpipe.data.sampling import keys, word_key
from rankpipe.data.splits import TEST, TRAIN, UNUSED, VALID
from rankpipe.errors import InputError

SEQUENTIAL = 2
"""Added to VALID and TEST where a row lies behind its user's cut in time."""
FOLD_IN = 6
PAIR_OF_SETS = (TEST, VALID)


@dataclass(frozen=True)
class Rows:
    """n rows sorted by (user, item), none twice."""

    users: np.ndarray
    """(n,) int32 codes in the order of ``user_names``."""
    items: np.ndarray
    times: np.ndarray | None
    """(n,) int64."""
    user_names: list[str]
    item_names: list[str]
    seed: int

    def __len__(self) -> int:
        return len(self.users)

    def keys(self, purpose: str) -> np.ndarray:
        """(n,) uint64, by the words of the rows' ids."""
        users, items = (np.array([word_key(self.seed, f"{purpose}/{side}", w) for w in words], np.uint64)
                        for side, words in (("user", self.user_names), ("item", self.item_names)))
        return keys(self.seed, purpose, users[self.users] ^ items[self.items])

    def shares(self, ratio: float, purpose: str) -> np.ndarray:
        """(users,) int64: ``ratio`` of each user's rows, rounded up or down by a hash, so that the mean is kept."""
        luck = np.array([word_key(self.seed, purpose, w) for w in self.user_names], np.uint64) / 2.0**64
        return np.floor(ratio * self.lengths() + luck).astype(np.int64)

    def lengths(self) -> np.ndarray:
        """(users,) int64 rows of each user."""
        return np.bincount(self.users, minlength=len(self.user_names))

    def clock(self, split: str) -> np.ndarray:
        """``times``. Raises InputError where there are none."""
        if self.times is None:
            raise InputError(f"params.yaml: topk.extract.split: {split} needs times; set topk.source.interactions.time")
        return self.times


@dataclass(frozen=True)
class Shares:
    """The numbers of the rules. All ratios are of one hidden set."""

    ratio: float
    """Of a user's rows; of all rows for ``temporal``; of the users for ``held_out_users``."""
    sequential: float
    """For ``leaderboard``: of a set's rows, those behind the cut."""
    fold_in: float
    """For ``held_out_users``: of a held-out user's rows, those that are known."""


def ranks(groups: np.ndarray, *by: np.ndarray) -> np.ndarray:
    """(n,) int64 place of each row within its group, from 0, in rising order of ``by``, the first deciding first."""
    order = np.lexsort((*by[::-1], groups))
    sizes = np.bincount(groups)
    starts = np.repeat(np.cumsum(sizes) - sizes, sizes)
    out = np.empty(len(groups), np.int64)
    out[order] = np.arange(len(groups)) - starts
    return out


def deal(marks: np.ndarray, index: np.ndarray, groups: np.ndarray, counts: np.ndarray, key: np.ndarray,
         sets: tuple[int, ...]) -> None:
    """Marks, of the rows ``index``, each group's ``counts`` rows of lowest ``key`` by the first of ``sets``, and so on.

    Args:
        groups: (m,) of the rows ``index``.
        counts: (groups,) rows for each set.
        key: (m,).
    """
    place, count = ranks(groups, key), counts[groups]
    for i, mark in enumerate(sets):
        marks[index[(place >= i * count) & (place < (i + 1) * count)]] = mark


def random(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """``ratio`` of each user's rows."""
    marks = np.full(len(rows), TRAIN, np.uint8)
    counts = _fitting(rows.shares(shares.ratio, "random"), rows, sets)
    deal(marks, np.arange(len(rows)), rows.users, counts, rows.keys("random"), sets)
    return marks


def leaderboard(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """``ratio`` of each user's rows: part of them his last ones, the rest drawn from those before."""
    marks = np.full(len(rows), TRAIN, np.uint8)
    counts = _fitting(rows.shares(shares.ratio, "leaderboard"), rows, sets)
    luck = np.array([word_key(rows.seed, "leaderboard/cut", w) for w in rows.user_names], np.uint64) / 2.0**64
    last = np.minimum(np.floor(shares.sequential * counts + luck).astype(np.int64), counts)
    key = rows.keys("leaderboard")
    from_end = ranks(rows.users, -rows.clock("leaderboard"), rows.keys("leaderboard/ties"))
    behind = from_end < len(sets) * last[rows.users]
    for part, each, extra in ((behind, last, SEQUENTIAL), (~behind, counts - last, 0)):
        index = np.flatnonzero(part)
        deal(marks, index, rows.users[index], each, key[index], tuple(mark + extra for mark in sets))
    return marks


def loglog(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """⌊log₄ n⌋ rows of each user of n rows, then ⌊log₁.₂ n⌋ of the others of each item of n rows.

    An item keeps a row where it can: all sets together take at most all but one of what the users' draw left. A user
    whom the items' draw left without a row gets one back.
    """
    marks = np.full(len(rows), TRAIN, np.uint8)
    deal(marks, np.arange(len(rows)), rows.users, _floor_log(rows.lengths(), 4.0), rows.keys("loglog/user"), sets)
    index, key = np.flatnonzero(marks == TRAIN), rows.keys("loglog/item")
    items = rows.items[index]
    left = np.bincount(items, minlength=len(rows.item_names))
    wanted = _floor_log(np.bincount(rows.items, minlength=len(rows.item_names)), 1.2)
    deal(marks, index, items, np.minimum(wanted, np.maximum(left - 1, 0) // len(sets)), key[index], sets)
    bare = np.bincount(rows.users[marks == TRAIN], minlength=len(rows.user_names)) == 0
    bare &= rows.lengths() > 0
    index = index[bare[rows.users[index]]]
    marks[index[ranks(rows.users[index], key[index]) == 0]] = TRAIN
    return marks


def leave_last_out(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """Each user's last row for the first set, the one before for the next; users of too few rows keep all."""
    marks = np.full(len(rows), TRAIN, np.uint8)
    from_end = ranks(rows.users, -rows.clock("leave_last_out"), rows.keys("leave_last_out/ties"))
    enough = rows.lengths()[rows.users] > len(sets)
    for i, mark in enumerate(sets):
        marks[enough & (from_end == i)] = mark
    return marks


def temporal(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """The last ``ratio`` of all rows for the first set, that before them for the next; one cut in time for everybody.

    Rows of the second of a cut fall behind it.
    """
    times = rows.clock("temporal")
    marks = np.full(len(rows), TRAIN, np.uint8)
    in_order = np.sort(times)
    for i, mark in reversed(list(enumerate(sets))):
        cut = in_order[max(len(rows) - round((i + 1) * shares.ratio * len(rows)), 0)]
        marks[times >= cut] = mark
    return marks


def held_out_users(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """Strong generalisation (Liang et al. 2018): ``ratio`` of the users are unknown in train.

    Of each of them ``fold_in`` of the rows are known when he is scored, the rest, one at least, are to be found. Users
    of a single row always train.
    """
    lengths = rows.lengths()
    key = np.array([word_key(rows.seed, "held_out_users", w) for w in rows.user_names], np.uint64)
    able = np.flatnonzero(lengths >= 2)
    drawn = able[np.argsort(key[able], kind="stable")]
    number = round(shares.ratio * len(able))
    hidden = np.clip(np.rint((1 - shares.fold_in) * lengths).astype(np.int64), 1, np.maximum(lengths - 1, 1))
    marks, row_key = np.full(len(rows), TRAIN, np.uint8), rows.keys("held_out_users/rows")
    for i, mark in enumerate(sets):
        held = np.zeros(len(lengths), bool)
        held[drawn[i * number:(i + 1) * number]] = True
        index = np.flatnonzero(held[rows.users])
        marks[index] = FOLD_IN
        deal(marks, index, rows.users[index], hidden, row_key[index], (mark,))
    return marks


RULES: dict[str, Callable[[Rows, Shares, tuple[int, ...]], np.ndarray]] = {
    "leaderboard": leaderboard, "loglog": loglog, "leave_last_out": leave_last_out, "random": random,
    "temporal": temporal, "held_out_users": held_out_users}


def without_strangers(marks: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Marks in which hidden rows of users of whom nothing is known (no row in train or fold-in) are unused."""
    known = np.bincount(users[(marks == TRAIN) | (marks == FOLD_IN)], minlength=int(users.max(initial=0)) + 1) > 0
    return np.where(known[users], marks, UNUSED).astype(np.uint8)


def _fitting(counts: np.ndarray, rows: Rows, sets: tuple[int, ...]) -> np.ndarray:
    """``counts`` for each set, lowered where a user would keep no row."""
    return np.minimum(counts, np.maximum(rows.lengths() - 1, 0) // len(sets))


def _floor_log(n: np.ndarray, base: float) -> np.ndarray:
    """⌊log n⌋ by comparing with the powers of ``base``, which rounds nothing away; 0 for n of 0."""
    powers = base ** np.arange(1, 400 if base < 2 else 32)
    return np.searchsorted(powers, n.astype(np.float64), side="right")
