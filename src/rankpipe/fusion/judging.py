"""One way of ordering the slates of a split as a statistic of weighted queries: a model's, the file's, or chance."""

from dataclasses import dataclass

import numpy as np

from rankpipe.fusion.dataset import Dataset, Slates, Split
from rankpipe.metrics.bootstrap import Means, Resamples, resample
from rankpipe.metrics.comparison import Difference, difference
from rankpipe.metrics.slates import TOP, best_first, of_constraints, of_grades

STARTING = "starting_order"
"""The order in which the file lists a query's candidates, as whoever made them ranked them."""
RANDOM = "random_order"
"""What any order must beat: the mean over ``ORDERS`` seeded ones."""
ORDERS = 64
HIGHER = {"ndcg_at_10": True, "ndcg_at_5": True, "ndcg_at_3": True, "ndcg_at_1": True, "mrr": True, "map": True,
          "compliance_at_1": True, f"conflicts_at_{TOP}": False}
"""Metric → whether more is better."""
NAMES = tuple(HIGHER)


@dataclass(frozen=True)
class Asked:
    """What is judged: q queries of a split with their m graded candidates."""

    slates: Slates
    meets: np.ndarray
    """(m,) bool: meets every constraint of its query."""
    relevant: int
    """The grade from which MRR and MAP count a candidate."""

    @classmethod
    def of(cls, data: Dataset, split: Split, relevant: int) -> "Asked":
        codes, slates = data.of(split)
        rows = np.flatnonzero(data.queries.split[data.slates.queries] == data.queries.split[codes[0]])
        return cls(slates, data.complies()[rows], relevant)

    def order(self, scores: np.ndarray) -> np.ndarray:
        """(m,) rows, best first within each slate; see :func:`rankpipe.metrics.slates.best_first`."""
        return best_first(self.slates.offsets, scores, self.slates.candidates)

    def values(self, scores: np.ndarray) -> np.ndarray:
        """(q, metrics) float64 of ordering by ``scores`` (m,), in the order of ``NAMES``."""
        order = self.order(scores)
        found = {**of_grades(self.slates.offsets, self.slates.grades[order], self.relevant),
                 **of_constraints(self.slates.offsets, self.meets[order])}
        return np.stack([found[name] for name in NAMES], 1)

    def measured(self, scores: np.ndarray) -> Means:
        """One model; a :class:`rankpipe.judgement.Statistic` whose rows are queries."""
        return Means(NAMES, self.values(scores))

    def starting(self) -> Means:
        """The starting order."""
        return self.measured(-self.slates.starts)

    def random(self, seed: int) -> Means:
        """The mean over random orders, query by query."""
        drawn = (np.random.default_rng([seed, b]).random(len(self.slates.candidates)) for b in range(ORDERS))
        return Means(NAMES, sum(self.values(scores) for scores in drawn) / ORDERS)

    @property
    def without_relevant(self) -> int:
        """Queries that count 0 whatever the order."""
        return int((np.maximum.reduceat(self.slates.grades, self.slates.offsets[:-1]) < 1).sum())


def from_chance(runs: list[Means], random: Means, name: str, resamples: Resamples, level: float) -> Difference:
    """How far ``runs`` of a control, each trained on a shuffle of its own, lie from a random order on average; queries
    are drawn again, and so are the shuffles.
    """
    k = NAMES.index(name)
    gaps = np.stack([run.values[:, k] for run in runs]) - random.values[:, k]
    drawn = []
    for b, weights in enumerate(w for block in resamples.blocks() for w in block):
        picked = np.random.default_rng([resamples.seed, b, 1]).integers(0, len(runs), len(runs))
        drawn.append(gaps[picked].mean(0) @ weights / weights.sum())
    return difference(float(gaps.mean()), 0.0, np.array(drawn), np.zeros(len(drawn)), level)


def apart(one: Means, other: Means, name: str, resamples: Resamples, level: float) -> Difference:
    """The difference of ``one`` from ``other`` in metric ``name``, on the same resamples of queries."""
    k = NAMES.index(name)
    drawn = resample([one, other], resamples)[:, :, k]
    return difference(one.estimate()[name], other.estimate()[name], drawn[:, 0], drawn[:, 1], level)
