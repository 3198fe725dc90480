"""Which rows train and which are hidden, in one or two hidden sets drawn by the same rule.

Rules mark the n rows of :class:`rankpipe.topk.rows.Rows`. All draws are by a hash of seed, purpose and the ids
themselves: neither the order of the raw rows nor that of the columns changes them. Where a rule hides c rows for each
of k sets, it draws k·c rows and deals them out at random, so that the sets differ by chance alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import wraps

import numpy as np

from rankpipe.data.splits import TEST, TRAIN, UNUSED, VALID
from rankpipe.topk.rows import Rows, deal, ranks

SEQUENTIAL = 2
"""Added to VALID and TEST where a row lies behind its user's cut in time."""
FOLD_IN = 6
PAIR_OF_SETS = (TEST, VALID)
_RUN = 1 << 18


@dataclass(frozen=True)
class Shares:
    """The numbers of the rules. All ratios are of one hidden set."""

    ratio: float
    """Of a user's rows; of all rows for ``temporal``; of the users for ``held_out_users``."""
    sequential: float
    """For ``leaderboard``: of a set's rows, those behind the cut."""
    fold_in: float
    """For ``held_out_users``: of a held-out user's rows, those that are known."""


Rule = Callable[[Rows, Shares, tuple[int, ...]], np.ndarray]


def by_users(rule: Rule) -> Rule:
    """``rule`` on a run of users at a time, which it looks at one by one anyway: memory is that of a run."""

    @wraps(rule)
    def whole(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
        marks = np.empty(len(rows), np.uint8)
        ends = np.cumsum(rows.lengths())
        first = 0
        while first < len(ends):
            start = int(ends[first - 1]) if first else 0
            last = max(first + 1, int(np.searchsorted(ends, start + _RUN, side="right")))
            here = slice(start, int(ends[last - 1]))
            run = replace(rows.take(here), users=rows.users[here] - first, user_keys=rows.user_keys[first:last])
            marks[here] = rule(run, shares, sets)
            first = last
        return marks

    return whole


@by_users
def random(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """``ratio`` of each user's rows."""
    marks = np.full(len(rows), TRAIN, np.uint8)
    counts = _hidden(rows, shares.ratio, "random", sets)
    deal(marks, np.arange(len(rows)), rows.users, counts, rows.keys("random"), sets)
    return marks


@by_users
def leaderboard(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """``ratio`` of each user's rows: part of them his last ones, the rest drawn from those before."""
    marks = np.full(len(rows), TRAIN, np.uint8)
    counts = _hidden(rows, shares.ratio, "leaderboard", sets)
    last = np.minimum(np.floor(shares.sequential * counts + rows.luck("leaderboard/cut")).astype(np.int64), counts)
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
    left = np.bincount(items, minlength=len(rows.item_keys))
    wanted = _floor_log(np.bincount(rows.items, minlength=len(rows.item_keys)), 1.2)
    deal(marks, index, items, np.minimum(wanted, np.maximum(left - 1, 0) // len(sets)), key[index], sets)
    bare = np.bincount(rows.users[marks == TRAIN], minlength=len(rows.user_keys)) == 0
    bare &= rows.lengths() > 0
    index = index[bare[rows.users[index]]]
    marks[index[ranks(rows.users[index], key[index]) == 0]] = TRAIN
    return marks


@by_users
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
        cut = in_order[np.clip(len(rows) - round((i + 1) * shares.ratio * len(rows)), 0, len(rows) - 1)]
        marks[times >= cut] = mark
    return marks


def held_out_users(rows: Rows, shares: Shares, sets: tuple[int, ...]) -> np.ndarray:
    """Strong generalisation (Liang et al. 2018): ``ratio`` of the users are unknown in train.

    Of each of them ``fold_in`` of the rows are known when he is scored, the rest, one at least, are to be found. Users
    of a single row always train.
    """
    lengths = rows.lengths()
    able = np.flatnonzero(lengths >= 2)
    drawn = able[np.argsort(rows.luck("held_out_users")[able], kind="stable")]
    number = round(shares.ratio * len(able))
    hidden = np.clip(np.rint((1 - shares.fold_in) * lengths).astype(np.int64), 1, np.maximum(lengths - 1, 1))
    marks = np.full(len(rows), TRAIN, np.uint8)
    for i, mark in enumerate(sets):
        held = np.zeros(len(lengths), bool)
        held[drawn[i * number:(i + 1) * number]] = True
        index = np.flatnonzero(held[rows.users])
        marks[index] = FOLD_IN
        deal(marks, index, rows.users[index], hidden, rows.take(index).keys("held_out_users"), (mark,))
    return marks


RULES: dict[str, Rule] = {
    "leaderboard": leaderboard, "loglog": loglog, "leave_last_out": leave_last_out, "random": random,
    "temporal": temporal, "held_out_users": held_out_users}


def without_strangers(marks: np.ndarray, users: np.ndarray) -> np.ndarray:
    """Marks in which hidden rows of users of whom nothing is known (no row in train or fold-in) are unused."""
    known = np.bincount(users[(marks == TRAIN) | (marks == FOLD_IN)], minlength=int(users.max(initial=0)) + 1) > 0
    return np.where(known[users], marks, UNUSED).astype(np.uint8)


def _hidden(rows: Rows, ratio: float, purpose: str, sets: tuple[int, ...]) -> np.ndarray:
    """(U,) rows to hide for each set: ``ratio`` of the user's, rounded up or down by a hash so that the mean is kept,
    and lowered where he would keep no row."""
    counts = np.floor(ratio * rows.lengths() + rows.luck(purpose)).astype(np.int64)
    return np.minimum(counts, np.maximum(rows.lengths() - 1, 0) // len(sets))


def _floor_log(n: np.ndarray, base: float) -> np.ndarray:
    """⌊log n⌋ by comparing with the powers of ``base``, which rounds nothing away; 0 for n of 0."""
    powers = base ** np.arange(1, 400 if base < 2 else 32)
    return np.searchsorted(powers, n.astype(np.float64), side="right")
