"""One model's lists as a statistic of weighted users, and whether two hidden sets rank all models alike."""

from dataclasses import dataclass

import numpy as np

from rankpipe.leaderboard import Figure
from rankpipe.metrics import agreement as correlation
from rankpipe.metrics import topk
from rankpipe.metrics.bootstrap import Means, Resamples, interval, resample

TASK = 10
"""The task's cutoff: metrics beyond recall and nDCG, and all that looks at whole lists, are measured there."""
AT_TASK = {"recall_task": "recall", "recall": "full_recall", "ndcg": "ndcg", "hit": "hit", "mrr": "mrr", "map": "map"}
"""Metric of :mod:`rankpipe.metrics.topk` → its name here."""
OF_ALL = ("coverage", "gini")
"""Of all lists together, no mean over users."""


def per_user(cutoffs: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the metrics that are means over users."""
    return (*(f"{name}_at_{TASK}" for name in AT_TASK.values()),
            *(f"{name}_at_{k}" for k in cutoffs if k != TASK for name in ("recall", "ndcg")), "novelty")


class Lists:
    """Metrics of one model's lists; a :class:`rankpipe.judgement.Statistic` whose rows are users."""

    def __init__(self, lists: np.ndarray, offsets: np.ndarray, items: np.ndarray, popularity: np.ndarray,
                 cutoffs: tuple[int, ...]):
        """lists: (U, K); offsets (U + 1,) and items: what is hidden; popularity: (n_items,) rows in train.

        Raises:
            InputError: lists shorter than a cutoff.
        """
        self.found, sizes = topk.hits(lists, offsets, items), np.diff(offsets)
        self.shown, self.n_items = lists[:, :TASK].copy(), len(popularity)  # a view would keep the whole lists
        held = self.shown >= 0
        self._items, self._lengths = self.shown[held], held.sum(axis=1)
        columns = {}
        for k in (TASK, *cutoffs):
            of = topk.of_hits(self.found, sizes, k)
            if k == TASK:
                columns = {f"{name}_at_{k}": of[key] for key, name in AT_TASK.items()}
            else:
                columns |= {f"recall_at_{k}": of["recall_task"], f"ndcg_at_{k}": of["ndcg"]}
        columns["novelty"] = topk.novelty(lists, popularity, TASK)
        self.means = Means(per_user(cutoffs), np.stack([columns[name] for name in per_user(cutoffs)], axis=1))
        self.names = (*self.means.names, *OF_ALL)

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, U) → (R, metrics)."""
        counts = [np.bincount(self._items, np.repeat(w, self._lengths), self.n_items) for w in weights]
        whole = [(topk.coverage(c), topk.gini(c)) for c in counts]
        return np.concatenate([self.means(weights), np.array(whole)], axis=1)

    def estimate(self) -> dict[str, float]:
        """Metric → value for the users as they are."""
        return {**self.means.estimate(), **dict(zip(OF_ALL, self(np.ones((1, len(self.shown)), np.uint8))[0, -2:],
                                                    strict=True))}

    def of(self, name: str) -> np.ndarray:
        """(U,) one of the metrics that are means over users."""
        return self.means.values[:, self.means.names.index(name)]


@dataclass(frozen=True)
class Agreement:
    """Rank correlation of M models between two hidden sets; None where fewer than two models differ."""

    models: tuple[str, ...]
    valid: tuple[Figure, ...]
    test: tuple[Figure, ...]
    spearman: Figure
    kendall: Figure


def agreement(valid: dict[str, Lists], test: dict[str, Lists], users: tuple[np.ndarray, np.ndarray], order: str,
              n_users: int, count: int, seed: int, level: float) -> Agreement:
    """Compares the models' mean ``order`` on valid with that on test.

    A resample draws users, with all that is hidden of them on both sides. Noise can only lower a correlation, so the
    interval lies rather below the estimate.

    Args:
        users: codes in [0, n_users) of the users of valid and of test.
    """
    sides = [np.stack([lists.of(order) for lists in side.values()], axis=1) for side in (valid, test)]

    def means(weights: np.ndarray) -> np.ndarray:
        drawn = [np.take(weights, codes, axis=1).astype(np.float64) for codes in users]
        return np.stack([np.einsum("ru,um->rm", w, values) / w.sum(axis=1, keepdims=True)
                         for w, values in zip(drawn, sides, strict=True)], axis=1)

    whole = means(np.ones((1, n_users)))
    drawn = resample([means], Resamples(n_users, count, seed))[:, 0]
    low, high = interval(drawn, level)
    figures = [tuple(_figure(*three) for three in zip(whole[0, i], low[i], high[i], strict=True)) for i in range(2)]
    return Agreement(tuple(valid), *figures, *(
        _figure(of(whole[:, 0], whole[:, 1])[0], *interval(of(drawn[:, 0], drawn[:, 1]), level))
        for of in (correlation.spearman, correlation.kendall)))


def _figure(value: float, low: float, high: float) -> Figure:
    return Figure(*(None if np.isnan(v) else round(float(v), 6) for v in (value, low, high)))
