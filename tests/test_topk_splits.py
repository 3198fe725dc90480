"""Splits of recommendation data: small tables worked out by hand, and what must hold of any table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankpipe.data.splits import TEST, TRAIN, UNUSED, VALID
from rankpipe.errors import InputError
from rankpipe.topk.diagnostics import diagnostics
from rankpipe.topk.rows import Rows, hashed, ranks
from rankpipe.topk.splits import (
    FOLD_IN,
    PAIR_OF_SETS,
    RULES,
    SEQUENTIAL,
    Shares,
    held_out_users,
    leaderboard,
    leave_last_out,
    loglog,
    random,
    temporal,
    without_strangers,
)

SHARES = Shares(ratio=0.2, sequential=0.5, fold_in=0.8)
HIDDEN = {VALID: "valid", TEST: "test", VALID + SEQUENTIAL: "valid behind", TEST + SEQUENTIAL: "test behind"}


def rows(lengths: list[int], n_items: int | None = None, times: bool = True, seed: int = 5) -> Rows:
    """User u takes the items 0 … lengths[u] − 1 (modulo ``n_items``), later ones later."""
    users = np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)
    steps = np.concatenate([np.arange(n) for n in lengths]).astype(np.int64)
    names = [str(i) for i in range(max(lengths))]
    return Rows(users, steps.astype(np.int32), 100 * steps if times else None,
                hashed([f"u{i}" for i in range(len(lengths))], seed, "user"), hashed(names, seed, "item"), seed)


def per_user(found: np.ndarray, data: Rows, *marks: int) -> list[int]:
    return np.bincount(data.users[np.isin(found, marks)], minlength=len(data.user_keys)).tolist()


def test_ranks_within_groups() -> None:
    groups, first, second = np.array([1, 0, 1, 1, 0]), np.array([3, 9, 1, 1, 7]), np.array([0, 0, 5, 4, 0])
    assert ranks(groups, first, second).tolist() == [2, 1, 1, 0, 0]
    assert ranks(groups[:0], first[:0]).tolist() == []


def test_leaderboard_by_hand() -> None:
    data = rows([10, 20, 5, 1])
    marks = leaderboard(data, SHARES, PAIR_OF_SETS)
    # A fifth each: 2, 4, 1 and (as a user must keep a row) 0, half of them behind the cut. The single hidden row of the
    # third user falls to either part.
    for mark in (VALID, TEST):
        assert per_user(marks, data, mark, mark + SEQUENTIAL) == [2, 4, 1, 0]
        assert per_user(marks, data, mark + SEQUENTIAL)[:2] == [1, 2]
    # So the last 2, 4 rows are behind the cut, and no other.
    for user, last in ((0, 2), (1, 4)):
        mine = marks[data.users == user]
        assert (mine[-last:] >= VALID + SEQUENTIAL).all() and (mine[:-last] < VALID + SEQUENTIAL).all()
    assert marks[data.users == 3].tolist() == [TRAIN]


def test_leaderboard_parts_can_be_one() -> None:
    data = rows([10] * 30)
    only = leaderboard(data, Shares(0.2, 1.0, 0.8), PAIR_OF_SETS)
    assert ((only != TRAIN).reshape(30, 10) == (np.arange(10) >= 6)).all()
    none = leaderboard(data, Shares(0.2, 0.0, 0.8), PAIR_OF_SETS)
    assert set(none.tolist()) == {TRAIN, VALID, TEST}
    # Static rows are drawn from all rows: after 30 users no place is always or never hidden.
    hidden = (none != TRAIN).reshape(30, 10).mean(0)
    assert hidden.min() > 0.1 and hidden.max() < 0.8


def test_the_two_hidden_sets_differ_by_chance_alone() -> None:
    data = rows([20] * 200)
    marks = leaderboard(data, SHARES, PAIR_OF_SETS)
    places = [data.items[np.isin(marks, (mark, mark + SEQUENTIAL))].mean() for mark in (VALID, TEST)]
    assert abs(places[0] - places[1]) < 0.8  # of 20; each mean is of 800 rows


def test_random_keeps_the_ratio_in_the_mean() -> None:
    data = rows([3] * 2000)  # a fifth of three rows is 0.6: six users of ten have one hidden row of each set
    marks = random(data, SHARES, PAIR_OF_SETS)
    assert 0.55 < (marks == TEST).sum() / 2000 < 0.65 and (marks == VALID).sum() == (marks == TEST).sum()
    assert per_user(marks, data, TRAIN) == [3 - 2 * n for n in per_user(marks, data, TEST)]


def test_loglog_by_hand() -> None:
    # One user of 64 rows over 64 items of one row each: ⌊log₄ 64⌋ = 3 for each set, and no item can spare a row.
    data = rows([64])
    marks = loglog(data, SHARES, PAIR_OF_SETS)
    assert [int((marks == m).sum()) for m in (TRAIN, VALID, TEST)] == [58, 3, 3]
    # 30 users of one item each, the same: ⌊log₄ 1⌋ = 0 of a user, ⌊log₁.₂ 30⌋ = 18 of the item, but both sets together
    # leave it a row: 14 each – and every one of the users is given his only row back.
    assert (loglog(rows([1] * 30), SHARES, PAIR_OF_SETS) == TRAIN).all()
    # 100 users of 3 rows: ⌊log₄ 3⌋ = 0, ⌊log₁.₂ 100⌋ = 25 of each of the items for each set.
    data = rows([3] * 100)
    marks = loglog(data, SHARES, PAIR_OF_SETS)
    for item in range(3):
        mine = marks[data.items == item]
        assert (mine == TEST).sum() <= 25 and (mine == VALID).sum() <= 25
    given_back = 150 - int((marks != TRAIN).sum())
    assert 0 <= given_back <= 20 and min(per_user(marks, data, TRAIN)) >= 1


@pytest.mark.parametrize(("n", "of_user", "of_item"), [(1, 0, 0), (3, 0, 6), (4, 1, 7), (15, 1, 14), (16, 2, 15),
                                                       (100, 3, 25), (31_360, 7, 56)])
def test_floors_of_logarithms(n: int, of_user: int, of_item: int) -> None:
    from rankpipe.topk.splits import _floor_log

    assert _floor_log(np.array([n]), 4.0).tolist() == [of_user] and _floor_log(np.array([n]), 1.2).tolist() == [of_item]
    assert 4**of_user <= n < 4 ** (of_user + 1) and 1.2**of_item <= n < 1.2 ** (of_item + 1)


def test_leave_last_out_by_hand() -> None:
    assert leave_last_out(rows([4, 2, 3]), SHARES, PAIR_OF_SETS).tolist() == [
        TRAIN, TRAIN, VALID, TEST, TRAIN, TRAIN, TRAIN, VALID, TEST]
    assert leave_last_out(rows([2, 1]), SHARES, (VALID,)).tolist() == [TRAIN, VALID, TRAIN]


def test_temporal_by_hand() -> None:
    # Times 0, 100, … 900 and 0, 100, … 400: of 15 rows the last three are 900, 800, 700; before them 600, 500, and of
    # the three rows due one of the two at 400, which takes the other along.
    marks = temporal(rows([10, 5]), SHARES, PAIR_OF_SETS)
    assert marks[:10].tolist() == [TRAIN] * 4 + [VALID] * 3 + [TEST] * 3
    assert marks[10:].tolist() == [TRAIN] * 4 + [VALID]


def test_users_that_nothing_is_known_of_are_left_out() -> None:
    marks = np.array([TRAIN, TEST, TEST, VALID, FOLD_IN, TEST], np.uint8)
    found = without_strangers(marks, np.array([0, 0, 1, 1, 2, 2]))
    assert found.tolist() == [TRAIN, TEST, UNUSED, UNUSED, FOLD_IN, TEST]


def test_held_out_users_by_hand() -> None:
    data = rows([10] * 9 + [1])
    marks = held_out_users(data, Shares(0.23, 0.5, 0.8), PAIR_OF_SETS)
    kinds = [sorted(set(marks[data.users == user].tolist())) for user in range(10)]
    # .23 of the nine users who have two rows or more: two in each set, of whom a fifth of ten rows is hidden.
    assert kinds.count([TRAIN]) == 6 and kinds.count([VALID, FOLD_IN]) == 2 and kinds.count([TEST, FOLD_IN]) == 2
    assert kinds[9] == [TRAIN]
    assert [int((marks == m).sum()) for m in (TRAIN, VALID, TEST, FOLD_IN)] == [51, 4, 4, 32]


@pytest.mark.parametrize("split", ["leaderboard", "leave_last_out", "temporal"])
def test_a_split_by_time_needs_times(split: str) -> None:
    with pytest.raises(InputError, match=f"{split} needs times; set topk.source.interactions.time"):
        RULES[split](rows([5, 5], times=False), SHARES, PAIR_OF_SETS)


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(1, 40), min_size=1, max_size=25), split=st.sampled_from(sorted(RULES)),
       ratio=st.sampled_from([0.05, 0.2, 0.49]), sequential=st.sampled_from([0.0, 0.3, 1.0]), seed=st.integers(0, 9),
       sets=st.sampled_from([PAIR_OF_SETS, (VALID,)]))
def test_any_split_marks_every_row_once_and_leaves_users_a_row(lengths: list[int], split: str, ratio: float,
                                                               sequential: float, seed: int, sets: tuple[int, ...],
                                                               ) -> None:
    data = rows(lengths, seed=seed)
    marks = RULES[split](data, Shares(ratio, sequential, 0.8), sets)
    assert set(marks.tolist()) <= {TRAIN, FOLD_IN, *sets, *(m + SEQUENTIAL for m in sets)}
    if split != "temporal":
        assert min(per_user(marks, data, TRAIN, FOLD_IN)) >= 1
    if split in ("leaderboard", "random"):
        for mark in sets:
            counts = np.array(per_user(marks, data, mark, mark + SEQUENTIAL))
            assert (counts <= np.floor(ratio * np.array(lengths)) + 1).all()
    # Another order of the users changes no draw: the ids decide, not the codes.
    turned = np.arange(len(lengths))[::-1]
    order = np.concatenate([np.flatnonzero(data.users == u) for u in turned])
    again = Rows(np.repeat(np.arange(len(lengths)), np.array(lengths)[turned]).astype(np.int32), data.items[order],
                 data.times[order], data.user_keys[turned], data.item_keys, data.seed)
    if split not in ("loglog", "temporal", "held_out_users"):
        assert (RULES[split](again, Shares(ratio, sequential, 0.8), sets) == marks[order]).all()


def test_runs_of_users_give_what_one_run_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    data = rows([7, 30, 2, 11, 1, 19])
    for split in ("leaderboard", "random", "leave_last_out"):
        whole = RULES[split](data, SHARES, PAIR_OF_SETS)
        monkeypatch.setattr("rankpipe.topk.splits._RUN", 12)
        assert (RULES[split](data, SHARES, PAIR_OF_SETS) == whole).all()
        monkeypatch.undo()


def test_diagnostics_by_hand() -> None:
    # Items 0, 1 and 2 have 3, 1 and 0 train rows; the test rows are one of item 0 and one of item 2.
    data = Rows(np.array([0, 0, 1, 1, 2, 2], np.int32), np.array([0, 1, 0, 2, 0, 0], np.int32), None,
                np.zeros(3, np.uint64), np.zeros(3, np.uint64), 1)
    marks = np.array([TRAIN, TRAIN, TRAIN, TEST + SEQUENTIAL, TRAIN, TEST], np.uint8)
    found = diagnostics(marks, data, {"train": (TRAIN,), "test": (TEST, TEST + SEQUENTIAL)})
    test = found["splits"]["test"]
    assert found["rows"] == 6 and (test["rows"], test["users"], test["items"]) == (2, 2, 2)
    assert (test["sequential"], test["static"]) == (1, 1)
    assert (test["cold_items"], test["cold_item_share"], test["cold_rows"]) == (1, 0.5, 1)
    assert test["train_popularity"]["0.5"] == 1.5
    # Train has .75 of its rows in the first rank, all in the first two; test has half in either case.
    assert test["popularity_distance"] == 0.5
    assert found["splits"]["train"]["popularity_distance"] == 0
