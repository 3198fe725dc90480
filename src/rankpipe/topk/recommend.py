"""The best k unseen items of every user: one blocked product, seen items masked, an exact partial selection.

Choosing costs more than multiplying. A row of scores is dealt into lanes (item j to lane j mod L); the k best items lie
in the k lanes whose best item is best, so one pass of maxima leaves k lanes to look through. That holds whatever the
order of the scores, where a running selection slows down on scores that rise by item.
"""

from typing import Protocol

import numpy as np
from numba import njit
from scipy.sparse import csr_matrix
from threadpoolctl import threadpool_limits

from rankpipe.errors import InputError
from rankpipe.metrics.topk import NONE

_SCORES = 1 << 21
"""Scores held at once where no block is named, 8 MB."""
_EXPONENT = 0x7F800000  # of a float32; all ones in an infinity and a NaN


class Factors(Protocol):
    """A model whose score is ``users @ items.T + item_bias``."""

    users: np.ndarray
    """(U, d) float32."""
    items: np.ndarray
    """(I, d) float32."""
    item_bias: np.ndarray
    """(I,) float32."""


class Scorer(Protocol):
    """What is asked of a model here."""

    n_users: int
    n_items: int
    factors: Factors | None
    """None where the scores are no inner product."""

    def block(self, users: np.ndarray) -> np.ndarray:
        """(B,) codes → (B, I) float32."""


def recommend(scorer: Scorer, users: np.ndarray, seen: csr_matrix, k: int, block: int | None = None,
              threads: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """The k best items that each of ``users`` hasn't seen, by score descending, ties by the lower item code.

    Args:
        users: (U,) codes, in any order, repeated or not.
        seen: (n_users, n_items); where it holds an entry, whatever its value, the item is masked.
        block: users scored at once; memory is that of ``block`` × n_items scores. None: as many as fill 8 MB.
        threads: of the product; part of the result's bytes.

    Returns:
        items (U, k) int32 and scores (U, k) float32; where fewer than k are left −1 and −inf.

    Raises:
        InputError: a score is NaN or infinite; shapes or codes that don't fit.
    """
    users = np.asarray(users, dtype=np.int64)
    if k < 1 or (block is not None and block < 1):
        raise InputError(f"cannot recommend {k} items in blocks of {block} users; both must be at least 1")
    if seen.shape != (scorer.n_users, scorer.n_items):
        raise InputError(f"seen items are {seen.shape}, the model scores {(scorer.n_users, scorer.n_items)}")
    if len(users) and not 0 <= users.min() <= users.max() < scorer.n_users:
        raise InputError(f"user codes {users.min()} to {users.max()} are not all in [0, {scorer.n_users})")
    block = block or max(1, _SCORES // max(1, scorer.n_items))
    with threadpool_limits(threads, user_api="blas"):
        return _in_blocks(scorer, users, seen, k, block)


def best(scores: np.ndarray, seen: csr_matrix, k: int, first: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """As :func:`recommend`, of scores (B, n_items) float32 that are there already; row b of ``seen`` masks row b.

    ``scores`` is overwritten. ``first`` numbers the rows in an error's message.

    Raises:
        InputError: a score is NaN or infinite.
    """
    return _select(scores, np.zeros(scores.shape[1], np.float32), seen, np.arange(len(scores)), k,
                   np.arange(first, first + len(scores)))


def _in_blocks(scorer: Scorer, users: np.ndarray, seen: csr_matrix, k: int,
               block: int) -> tuple[np.ndarray, np.ndarray]:
    factors = scorer.factors
    items, kept = np.empty((len(users), k), np.int32), np.empty((len(users), k), np.float32)
    bias = np.zeros(scorer.n_items, np.float32) if factors is None else factors.item_bias
    room = None if factors is None else np.empty((min(block, len(users)), scorer.n_items), np.float32)
    for start in range(0, len(users), block):
        some = users[start:start + block]
        if factors is None:
            # Copied, since it is written to and may be the model's own.
            scores = np.array(scorer.block(some), dtype=np.float32, order="C")
        else:
            scores = np.matmul(factors.users[some], factors.items.T, out=room[:len(some)])
        items[start:start + block], kept[start:start + block] = _select(scores, bias, seen, some, k, some)
    return items, kept


def _select(scores: np.ndarray, bias: np.ndarray, seen: csr_matrix, rows: np.ndarray, k: int,
            names: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    items, kept = np.empty((len(scores), k), np.int32), np.empty((len(scores), k), np.float32)
    lanes = _lanes(scores.shape[1], k)
    fault = _best(scores, scores.view(np.int32), np.ascontiguousarray(bias, np.float32),
                   seen.indptr.astype(np.int64, copy=False), seen.indices.astype(np.int32, copy=False), rows, lanes,
                   items, kept)
    if fault >= 0:
        raise InputError(f"a score of user {names[fault]} is NaN or infinite; training diverged, lower lr and train "
                         "again")
    return items, kept


def _lanes(n_items: int, k: int) -> int:
    """How many lanes: their maxima and the items of the k best lanes then cost about the same."""
    return max(16, k, 1 << int(np.sqrt(n_items * k)).bit_length() - 1)


@njit(cache=True, nogil=True)
def _best(scores, bits, bias, indptr, indices, rows, lanes, items, kept):
    """Fills ``items`` and ``kept`` (B, k); the first row with a score that is no finite number, or −1.

    Args:
        scores: (B, n) float32, overwritten; bits: the same memory as int32.
        indptr, indices: the seen items as CSR; row b is masked by its row ``rows[b]``.
    """
    n, k = scores.shape[1], items.shape[1]
    top = np.empty(lanes, np.float32)
    by_lane, by_item = np.empty(k, np.int64), np.empty(k, np.int64)
    for b in range(len(scores)):
        row, bit = scores[b], bits[b]
        for j in range(n):
            row[j] += bias[j]
        largest = np.int32(0)
        for j in range(n):  # a maximum of whole numbers runs eight at a time, a search doesn't
            largest = max(largest, bit[j] & np.int32(0x7FFFFFFF))
        if largest >= _EXPONENT:
            return b
        for p in range(indptr[rows[b]], indptr[rows[b] + 1]):
            row[indices[p]] = -np.inf

        top[:] = -np.inf
        for start in range(0, n, lanes):
            some = row[start:start + lanes]
            for j in range(len(some)):
                top[j] = some[j] if some[j] > top[j] else top[j]
        by_lane[:] = _NOTHING
        for lane in range(min(lanes, n)):
            if top[lane] == -np.inf or _key(top[lane], lane) < by_lane[0]:
                continue
            j = lane
            while row[j] != top[lane]:
                j += lanes
            _push(by_lane, _key(top[lane], j))
        by_item[:] = _NOTHING
        # Nothing below the least of k lanes' best is among the k best.
        least = np.float32(-np.inf) if by_lane[0] == _NOTHING else row[_item(by_lane[0])]
        for i in range(k):
            if by_lane[i] != _NOTHING:
                for j in range(_item(by_lane[i]) % lanes, n, lanes):
                    if row[j] >= least and row[j] != -np.inf:
                        _push(by_item, _key(row[j], j))
        by_item.sort()
        for i in range(k):
            key = by_item[k - 1 - i]
            items[b, i] = NONE if key == _NOTHING else _item(key)
            kept[b, i] = -np.inf if key == _NOTHING else row[_item(key)]
    return -1


_NOTHING = np.iinfo(np.int64).min


@njit(cache=True, nogil=True)
def _key(score, item):
    """A whole number that is greater for the greater score, and at equal scores for the lower item."""
    bits = np.int64(np.float32(score + np.float32(0)).view(np.int32))  # + 0 makes a plain zero of −0
    if bits < 0:
        bits = np.int64(-2147483648) - bits
    return (bits << 32) | (np.int64(0xFFFFFFFF) - item)


@njit(cache=True, nogil=True)
def _item(key):
    return np.int64(0xFFFFFFFF) - (key & np.int64(0xFFFFFFFF))


@njit(cache=True, nogil=True)
def _push(heap, key):
    """Puts ``key`` in the place of the least of ``heap``, which stands first, where it is greater."""
    if key <= heap[0]:
        return
    at, size = 0, len(heap)
    while True:
        child = 2 * at + 1
        if child >= size:
            break
        if child + 1 < size and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= key:
            break
        heap[at] = heap[child]
        at = child
    heap[at] = key
