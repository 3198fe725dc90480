"""Metrics of lists, worked out by hand and against plain loops."""

import math

import numpy as np
import pytest

from rankpipe.errors import InputError
from rankpipe.metrics import topk

LISTS = np.array([[3, 1, 2, 0], [0, 1, 2, 3], [4, 3, -1, -1]], np.int32)
HIDDEN = [[1, 0, 7], [9], [3, 4]]
OFFSETS = np.array([0, 3, 4, 6])
ITEMS = np.array([0, 1, 7, 9, 3, 4], np.int32)


def test_by_hand() -> None:
    assert topk.hits(LISTS, OFFSETS, ITEMS).tolist() == [[False, True, False, True], [False] * 4,
                                                         [True, True, False, False]]
    at2 = topk.per_user(LISTS, OFFSETS, ITEMS, 2)
    assert at2["recall_task"].tolist() == [1 / 2, 0, 1]
    assert at2["recall"].tolist() == [1 / 3, 0, 1]
    assert at2["hit"].tolist() == [1, 0, 1]
    assert at2["mrr"].tolist() == [1 / 2, 0, 1]
    second = 1 / math.log2(3)
    assert at2["ndcg"] == pytest.approx([second / (1 + second), 0, 1])
    assert at2["map"] == pytest.approx([1 / 2 / 2, 0, 1])
    at4 = topk.per_user(LISTS, OFFSETS, ITEMS, 4)
    assert at4["recall_task"] == pytest.approx([2 / 3, 0, 1])
    assert at4["map"] == pytest.approx([(1 / 2 + 2 / 4) / 3, 0, 1])
    assert at4["ndcg"][0] == pytest.approx((second + 1 / math.log2(5)) / (1 + second + 1 / 2))
    assert topk.recall(LISTS, OFFSETS, ITEMS, 2) == pytest.approx(0.5)
    assert tuple(at4) == topk.NAMES


def test_against_plain_loops(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    users, n_items, k = 200, 60, 10
    lists = np.argsort(rng.random((users, n_items)), axis=1)[:, :k].astype(np.int32)
    lists[rng.random(lists.shape) < 0.1] = -1
    hidden = [rng.choice(n_items, rng.integers(1, 25), replace=False) for _ in range(users)]
    offsets, items = np.cumsum([0, *map(len, hidden)]), np.concatenate(hidden)
    whole = topk.per_user(lists, offsets, items, k)
    for u in range(users):
        found = [i in set(hidden[u].tolist()) for i in lists[u].tolist()]
        best = min(k, len(hidden[u]))
        assert whole["recall_task"][u] == pytest.approx(sum(found) / best)
        gain = sum(f / math.log2(place + 2) for place, f in enumerate(found))
        assert whole["ndcg"][u] == pytest.approx(gain / sum(1 / math.log2(p + 2) for p in range(best)))
        assert whole["mrr"][u] == pytest.approx(1 / (found.index(True) + 1) if any(found) else 0)
        assert whole["map"][u] == pytest.approx(
            sum(sum(found[:p + 1]) / (p + 1) for p, f in enumerate(found) if f) / best)
    monkeypatch.setattr(topk, "_CELLS", 7 * 61)  # seven users at a time
    for name, values in topk.per_user(lists, offsets, items, k).items():
        assert np.array_equal(values, whole[name])


def test_over_all_lists_by_hand() -> None:
    counts = topk.counts(LISTS, 5, 2)
    assert counts.tolist() == [1, 2, 0, 2, 1]
    assert topk.coverage(counts) == 4 / 5
    assert topk.gini(np.array([3, 3, 3])) == pytest.approx(0)
    assert topk.gini(np.array([0, 0, 9])) == pytest.approx(2 / 3)  # 1 − 1/n
    assert topk.gini(np.array([1, 3])) == pytest.approx(1 / 4)
    assert math.isnan(topk.gini(np.zeros(3)))
    # Shares (1 + 1)/8, (4 + 1)/8 and (0 + 1)/8: 2 bits, and 3 for the cold item.
    novelty = topk.novelty(np.array([[0, 2, 1], [2, -1, 0], [-1, -1, -1]]), np.array([1, 4, 0]), 2)
    assert novelty == pytest.approx([2.5, 3, math.nan], nan_ok=True)


@pytest.mark.parametrize(("offsets", "items", "k", "message"), [
    ([0, 3, 4, 6], ITEMS, 5, "cutoff 5: the lists hold 4 items"),
    ([0, 3, 4, 6], ITEMS, 0, "cutoff 0"),
    ([0, 3, 3, 6], ITEMS, 2, "every user needs a hidden item"),
    ([0, 3, 6], ITEMS, 2, "don't fit 2 users"),
    ([0, 3, 4, 6], ITEMS[:5], 2, "don't fit"),
])
def test_what_does_not_fit_is_refused(offsets: list[int], items: np.ndarray, k: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        topk.per_user(LISTS, np.array(offsets), items, k)
