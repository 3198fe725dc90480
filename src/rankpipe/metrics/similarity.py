"""How well cosines agree with how similar people find the pairs, as one statistic of the pairs' weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rankpipe.errors import InputError
from rankpipe.metrics.ranking import Ranking

HIGHER = {"spearman": True, "pearson": True, "auc": True, "similar": True, "different": False, "gap": True}
"""Metric → whether more is better."""


@dataclass(frozen=True)
class Cuts:
    """Where a graded similarity in [0, 1] is called what; the defaults are 4, 1 and 3 of 5."""

    similar: float = 0.8
    """From here on a pair counts as similar."""
    different: float = 0.2
    """Up to here as different; what lies between is neither."""
    alike: float = 0.6
    """From here on AUC takes a pair for a positive one."""

    def __post_init__(self) -> None:
        if not 0 <= self.different < self.similar <= 1 or not 0 < self.alike <= 1:
            raise ValueError(f"cuts must hold 0 ≤ different < similar ≤ 1 and 0 < alike ≤ 1, got {self}")


class Similarity:
    """Callable: (R, N) weights → (R, 6) values in the order of :attr:`names`; those of pairs repeated by their weight.

    - spearman, pearson: correlation of cosine and truth; equal values share the mean of their ranks.
    - auc: probability that a pair from ``cuts.alike`` on has the greater cosine than one below.
    - similar, different, gap: mean cosine of similar pairs, of different ones, and the difference. The gap alone
      misleads: it also grows when similar pairs drift apart, as long as different ones drift further.

    A metric is NaN where its pairs have no weight or don't vary.
    """

    names = tuple(HIGHER)

    def __init__(self, truth: np.ndarray, cosine: np.ndarray, cuts: Cuts = Cuts()):
        """truth, cosine: (N,) finite; truth in [0, 1].

        Raises:
            InputError: unequal lengths, no pairs, NaN or infinity.
        """
        truth, cosine = np.asarray(truth, np.float64), np.asarray(cosine, np.float64)
        if truth.ndim != 1 or truth.shape != cosine.shape or not len(truth):
            raise InputError(f"{truth.shape} true similarities for {cosine.shape} cosines; both must be (N,), N > 0")
        bad = ~(np.isfinite(truth) & np.isfinite(cosine))
        if bad.any():
            raise InputError(f"{int(bad.sum())} of {len(bad)} pairs have no finite similarity, first in row "
                             f"{bad.argmax()}")
        # float32 scores: 3 of 5 must reach a cut of 0.6, which it misses by the last bit.
        near = 1e-6
        self.truth, self.cosine = truth, cosine
        self._ranks = Ranks(truth), Ranks(cosine)
        self._similar, self._different = truth >= cuts.similar - near, truth <= cuts.different + near
        alike = truth >= cuts.alike - near
        self._ranking = Ranking(alike, cosine) if 0 < alike.sum() < len(alike) else None

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        weights = np.asarray(weights)
        spearman = correlation(*(ranks(weights) for ranks in self._ranks), weights)
        pearson = correlation(self.truth[None], self.cosine[None], weights)
        auc = np.full(len(weights), np.nan) if self._ranking is None else self._ranking.of(weights)[:, 0]
        similar, different = (_mean(weights[:, which], self.cosine[which])
                              for which in (self._similar, self._different))
        return np.stack([spearman, pearson, auc, similar, different, similar - different], axis=1)

    def estimate(self) -> dict[str, float]:
        """Metric → value on the pairs as they are."""
        values = self(np.ones((1, len(self.truth)), dtype=np.uint8))[0]
        return {name: float(v) for name, v in zip(self.names, values, strict=True)}


class Runs:
    """One model trained from several seeds: the mean of its runs' metrics, run by run on the same pairs.

    The interval around it tells of the luck of the pairs; the luck of the seeds is :meth:`sd`.
    """

    names = Similarity.names

    def __init__(self, truth: np.ndarray, cosines: Sequence[np.ndarray], cuts: Cuts = Cuts()):
        """cosines: one (N,) a run, at least one."""
        if not len(cosines):
            raise InputError("no runs to judge")
        self.runs = [Similarity(truth, cosine, cuts) for cosine in cosines]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) → (R, 6)."""
        return sum(run(weights) for run in self.runs) / len(self.runs)

    def estimate(self) -> dict[str, float]:
        """Metric → mean over the runs, on the pairs as they are."""
        return {name: float(np.mean(values)) for name, values in self._each().items()}

    def sd(self) -> dict[str, float]:
        """Metric → standard deviation over the runs (n − 1); NaN of a single one."""
        return {name: float(np.std(values, ddof=1)) if len(values) > 1 else np.nan
                for name, values in self._each().items()}

    def _each(self) -> dict[str, list[float]]:
        found = [run.estimate() for run in self.runs]
        return {name: [one[name] for one in found] for name in self.names}


class Ranks:
    """Ranks of (N,) values where each counts as often as its weight says; sorted once."""

    def __init__(self, values: np.ndarray):
        self.order = np.argsort(values, kind="stable")
        ranked = values[self.order]
        self.starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
        self.group = np.empty(len(values), np.int64)
        self.group[self.order] = np.repeat(np.arange(len(self.starts)), np.diff([*self.starts, len(values)]))

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) → (R, N) float64: a group of equal values has the mean of the places that it takes, from 1."""
        tied = np.add.reduceat(np.take(weights, self.order, axis=1).astype(np.float64), self.starts, axis=1)
        return np.take(np.cumsum(tied, axis=1) - (tied - 1) / 2, self.group, axis=1)


def correlation(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(R,) Pearson's r of x and y, (R, N) or (1, N), weighted (R, N); NaN where either doesn't vary."""
    weights = weights.astype(np.float64)
    total = weights.sum(axis=1, keepdims=True)
    # einsum, not BLAS: its sums don't depend on the number of threads.
    x, y = (np.broadcast_to(v, weights.shape) for v in (x, y))
    x, y = (v - np.einsum("rn,rn->r", weights, v)[:, None] / total for v in (x, y))
    xy, xx, yy = (np.einsum("rn,rn,rn->r", weights, a, b) for a, b in ((x, y), (x, x), (y, y)))
    varied = (xx > 1e-18 * total[:, 0]) & (yy > 1e-18 * total[:, 0])
    return np.where(varied, xy / np.sqrt(np.where(varied, xx * yy, 1.0)), np.nan)


def _mean(weights: np.ndarray, values: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.einsum("rn,n->r", weights, values) / weights.sum(axis=1, dtype=np.float64)
