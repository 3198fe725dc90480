"""Metrics of recommended lists against hidden items: per user for all users at once, and over all lists together.

Lists are (U, K) item codes, best first, distinct within a row, −1 where a user has no more. Hidden items come as
``offsets`` (U + 1,) and ``items`` (n,): row u's are ``items[offsets[u]:offsets[u + 1]]``, distinct, at least one.
"""

import numpy as np

from rankpipe.errors import InputError

NONE = -1
"""Stands for an item behind the last of a list."""
NAMES = ("recall_task", "recall", "ndcg", "hit", "mrr", "map")
_CELLS = 1 << 22


def per_user(recommended: np.ndarray, offsets: np.ndarray, items: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Metric → (U,) float64 at cutoff k; see :func:`of_hits`.

    Raises:
        InputError: a user without hidden items, lists shorter than k, unequal lengths.
    """
    return of_hits(hits(recommended, offsets, items), np.diff(offsets), k)


def recall(recommended: np.ndarray, offsets: np.ndarray, items: np.ndarray, k: int) -> float:
    """Mean over users of ``recall_task`` at cutoff k. Errors as :func:`per_user`."""
    return float(per_user(recommended, offsets, items, k)["recall_task"].mean())


def hits(recommended: np.ndarray, offsets: np.ndarray, items: np.ndarray) -> np.ndarray:
    """(U, K) bool: is the item in that place one of the user's hidden items?

    Raises:
        InputError: unequal lengths.
    """
    recommended = np.asarray(recommended)
    if recommended.ndim != 2 or len(offsets) != len(recommended) + 1 or offsets[-1] != len(items):
        raise InputError(f"lists {recommended.shape} don't fit {len(offsets) - 1} users' {len(items)} hidden items")
    found = np.zeros(recommended.shape, bool)
    width = 1 + int(max(recommended.max(initial=-1), items.max(initial=-1)))
    step = max(1, _CELLS // (width + 1))
    # One column more than there are items: −1 points to it, and it is never marked.
    marked = np.zeros((min(step, len(recommended)), width + 1), bool)
    for start in range(0, len(recommended), step):
        some = recommended[start:start + step]
        ends = offsets[start:start + len(some) + 1]
        row, mine = np.repeat(np.arange(len(some)), np.diff(ends)), items[ends[0]:ends[-1]]
        marked[row, mine] = True
        found[start:start + step] = marked[np.arange(len(some))[:, None], some]
        marked[row, mine] = False
    return found


def of_hits(found: np.ndarray, sizes: np.ndarray, k: int) -> dict[str, np.ndarray]:
    """Metric → (U,) float64 at cutoff k, from :func:`hits` (U, K) and the number of hidden items (U,).

    ``recall_task``: hits / min(k, hidden), as the task defines recall@k; ``recall``: hits / hidden; ``ndcg``: binary
    gains, discount 1 / log₂(place + 1), over the best that min(k, hidden) hits can give (Järvelin and Kekäläinen 2002);
    ``hit``: any; ``mrr``: 1 / place of the first hit, 0 without; ``map``: mean over min(k, hidden) of the precision at
    each hit.

    Raises:
        InputError: a user without hidden items, lists shorter than k.
    """
    if not 1 <= k <= found.shape[1]:
        raise InputError(f"cutoff {k}: the lists hold {found.shape[1]} items; choose a cutoff from 1 to that")
    if len(found) != len(sizes) or (len(sizes) and np.min(sizes) < 1):
        raise InputError("every user needs a hidden item, or recall is undefined; leave out those without")
    found = found[:, :k]
    place = np.arange(1, k + 1)
    discount = 1 / np.log2(place + 1)
    ideal = np.cumsum(discount)
    count = found.sum(axis=1)
    possible = np.minimum(k, sizes)
    running = np.cumsum(found, axis=1)
    first = np.where(found, 1 / place, 0.0).max(axis=1)
    return {"recall_task": count / possible, "recall": count / sizes,
            "ndcg": np.where(found, discount, 0.0).sum(axis=1) / ideal[possible - 1],
            "hit": (count > 0).astype(np.float64), "mrr": first,
            "map": np.where(found, running / place, 0.0).sum(axis=1) / possible}


def counts(recommended: np.ndarray, n_items: int, k: int) -> np.ndarray:
    """(n_items,) in how many of the lists, cut at k, each item stands."""
    shown = np.asarray(recommended)[:, :k]
    return np.bincount(shown[shown >= 0], minlength=n_items)


def coverage(counts: np.ndarray) -> float:
    """Share of all items that stand in at least one list."""
    return float(np.count_nonzero(counts) / len(counts))


def gini(counts: np.ndarray) -> float:
    """How unevenly places in the lists go to items: 0 all alike, towards 1 all to one item; NaN without places."""
    n, total = len(counts), counts.sum()
    if not total:
        return float("nan")
    return float((2 * np.arange(1, n + 1) - n - 1) @ np.sort(counts) / (n * total))


def novelty(recommended: np.ndarray, popularity: np.ndarray, k: int) -> np.ndarray:
    """(U,) mean over the first k places of −log₂ of the item's share of the training rows, in bits (Zhou et al. 2010).

    NaN for a user without items.

    Args:
        popularity: (n_items,) training rows of each item; each counts one more, so that a cold item stays finite.
    """
    bits = -np.log2((popularity + 1) / (popularity.sum() + len(popularity)))
    shown = np.asarray(recommended)[:, :k]
    with np.errstate(invalid="ignore"):
        return np.where(shown >= 0, bits[shown], 0.0).sum(axis=1) / (shown >= 0).sum(axis=1)
