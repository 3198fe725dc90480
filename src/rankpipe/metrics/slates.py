"""Metrics of ranked slates: the graded candidates of each query, ragged, all queries at once.

A slate's rows are ``[offsets[q], offsets[q + 1])``, with ``offsets`` (Q + 1,) starting at 0. Equal scores stand by
rising candidate code: an order that the scores don't choose, the same in metrics as in what is shipped. It flatters
nobody as long as codes know nothing of grades.
"""

from collections.abc import Sequence

import numpy as np

from rankpipe.errors import InputError

CUTOFFS = (1, 3, 5, 10)
TOP = 10
"""Whose conflicts are counted."""


def best_first(offsets: np.ndarray, scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """(m,) int64 rows, slate by slate, each by falling score; among equals by rising ``codes`` (m,).

    Raises:
        InputError: unequal lengths, a score that is NaN.
    """
    _fits(offsets, scores=scores, codes=codes)
    if np.isnan(scores).any():
        raise InputError(f"{int(np.isnan(scores).sum())} of {len(scores)} scores are NaN; they have no order")
    return np.lexsort((codes, -np.asarray(scores, np.float64), _queries(offsets)))


def of_grades(offsets: np.ndarray, grades: np.ndarray, relevant: int,
              cutoffs: Sequence[int] = CUTOFFS) -> dict[str, np.ndarray]:
    """Metric → (Q,) float64 of slates whose rows stand best first.

    ``ndcg_at_k``: gain 2^g − 1, discount 1 / log₂(place + 1), over the best order of the slate (Burges et al. 2005).
    ``mrr``: 1 / place of the first row of grade ``relevant`` or better. ``map``: over all such rows of the slate, the
    mean of the precision at each one's place. A slate without gain, or without relevant rows, has 0: no order could
    do better, and models differ by nothing there.

    Args:
        grades: (m,) whole numbers from 0, in ranked order: ``grades[best_first(…)]``.

    Raises:
        InputError: unequal lengths, a cutoff below 1, a negative grade.
    """
    _fits(offsets, grades=grades)
    if min(cutoffs, default=1) < 1 or np.min(grades, initial=0) < 0:
        raise InputError("cutoffs must be at least 1 and grades at least 0")
    of, place, count = _queries(offsets), _places(offsets), len(offsets) - 1
    gain, discount = np.exp2(np.asarray(grades, np.float64)) - 1, 1 / np.log2(place + 1)
    ideal = gain[np.lexsort((-gain, of))]
    found = {}
    for k in cutoffs:
        within = np.where(place <= k, discount, 0.0)
        best = np.bincount(of, ideal * within, count)
        found[f"ndcg_at_{k}"] = np.bincount(of, gain * within, count) / np.where(best > 0, best, 1.0)
    hit = np.asarray(grades) >= relevant
    running = np.cumsum(hit)
    before = np.concatenate([[0], running])[np.asarray(offsets)[:-1]]
    nth = running - before[of]
    found["mrr"] = np.bincount(of, np.where(hit & (nth == 1), 1 / place, 0.0), count)
    hits = np.bincount(of, hit, count)
    found["map"] = np.bincount(of, np.where(hit, nth / place, 0.0), count) / np.maximum(hits, 1)
    return found


def of_constraints(offsets: np.ndarray, meets: np.ndarray, k: int = TOP) -> dict[str, np.ndarray]:
    """``compliance_at_1``: 1 where the first row meets every constraint; ``conflicts_at_<k>``: share of the first k
    rows (or of all, where there are fewer) that violate one. (Q,) float64; a query without rows has 0 in both.

    Args:
        meets: (m,) bool in ranked order; True for every row of a query that constrains nothing.

    Raises:
        InputError: unequal lengths, k below 1.
    """
    _fits(offsets, meets=meets)
    if k < 1:
        raise InputError("k must be at least 1")
    of, place, meets, count = _queries(offsets), _places(offsets), np.asarray(meets, bool), len(offsets) - 1
    shown = np.minimum(np.diff(offsets), k)
    return {"compliance_at_1": np.bincount(of, meets & (place == 1), count),
            f"conflicts_at_{k}": np.bincount(of, ~meets & (place <= k), count) / np.maximum(shown, 1)}


def ndcg(offsets: np.ndarray, scores: np.ndarray, codes: np.ndarray, grades: np.ndarray, k: int = TOP) -> float:
    """Mean over queries of nDCG at ``k``, for choosing an epoch; arguments and errors as above, rows in any order."""
    order = best_first(offsets, scores, codes)
    return float(of_grades(offsets, np.asarray(grades)[order], 1, (k,))[f"ndcg_at_{k}"].mean())


def _queries(offsets: np.ndarray) -> np.ndarray:
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


def _places(offsets: np.ndarray) -> np.ndarray:
    """(m,) place of each row in its slate, from 1."""
    return np.arange(1, offsets[-1] + 1) - np.repeat(np.asarray(offsets)[:-1], np.diff(offsets))


def _fits(offsets: np.ndarray, **rows: np.ndarray) -> None:
    offsets = np.asarray(offsets)
    if not len(offsets) or offsets[0] != 0 or (np.diff(offsets) < 0).any():
        raise InputError("the offsets of slates must start at 0 and never fall")
    for name, values in rows.items():
        if np.shape(values) != (offsets[-1],):
            raise InputError(f"{name} {np.shape(values)} don't fit slates of {offsets[-1]} rows")
