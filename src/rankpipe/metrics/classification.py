"""All metrics of one model's click probabilities as one statistic of the rows' weights."""

import itertools

import numpy as np

from rankpipe.metrics.calibration import Binning, assign
from rankpipe.metrics.probability import entropy, losses, prior_shift
from rankpipe.metrics.ranking import Ranking
from rankpipe.metrics.rows import checked

HIGHER = {"auc": True, "average_precision": True, "logloss": False, "normalised_entropy": False,
          "calibration_error": False, "score": True, "score_shifted": True}
"""Metric → whether more is better."""


class Classification:
    """Callable: (R, N) weights → (R, K) values in the order of :attr:`names`.

    Equal to the single functions of this package on rows repeated by their weight, but for the calibration error: its
    bins are those of the rows as given, whatever the weights.
    """

    def __init__(self, labels: np.ndarray, probabilities: np.ndarray, prior: float | None = None, bins: int = 15,
                 binning: Binning = "mass"):
        """prior: click rate for the shifted score (see :func:`.probability.prior_shift`); None leaves that metric out.

        Raises:
            InputError: one class only, NaN, outside [0, 1], unequal lengths.
        """
        positive, p, ones = checked(labels, probabilities, probabilities=True)
        self.names = tuple(name for name in HIGHER if prior is not None or name != "score_shifted")
        self.ranking = Ranking(positive, p)
        self.positive = np.flatnonzero(positive)
        self.losses = [losses(positive, p)]
        if prior is not None:
            self.losses.append(losses(positive, prior_shift(p, prior)))
        bin_of = assign(p[self.ranking.order], ones, bins, binning)
        edges = np.flatnonzero(np.diff(bin_of, prepend=-1, append=bins))
        self.bins = [slice(a, b) for a, b in itertools.pairwise(edges)]
        self.gaps = (positive - p)[self.ranking.order]

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1, dtype=np.float64)
        clicks = np.take(weights, self.positive, axis=1).astype(np.float64)
        positives = clicks.sum(axis=1)
        ranked = np.take(weights, self.ranking.order, axis=1)
        area, precision = self.ranking.areas(ranked).T
        # einsum, not BLAS: its sums don't depend on the number of threads.
        error = sum(np.abs(np.einsum("rn,n->r", ranked[:, rows], self.gaps[rows])) for rows in self.bins) / total
        with np.errstate(invalid="ignore", divide="ignore"):
            columns, scores = [area, precision], []
            for loss in self.losses:
                whole = np.einsum("rn,n->r", weights, loss)
                clicked = np.einsum("rn,n->r", clicks, loss[self.positive])
                halves = clicked / positives + (whole - clicked) / (total - positives)
                scores.append(precision / 2 + 0.5 / (1 + halves / 2))
                if len(scores) == 1:
                    columns += [whole / total, whole / total / entropy(positives / total), error]
        return np.stack([*columns, *scores], axis=1)

    def estimate(self) -> dict[str, float]:
        """Metric → value on the rows as they are."""
        values = self(np.ones((1, len(self.ranking.order)), dtype=np.uint8))[0]
        return {name: float(v) for name, v in zip(self.names, values, strict=True)}
