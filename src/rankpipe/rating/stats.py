"""How many reviews a user (or an item) has and what they rate on average, without the review that is to be predicted.

The raw files' counts and means (Yelp: ``review_count``, ``average_stars``, ``stars``) are over all reviews: those of
valid and test are among them, and so is a train row's own. What the file says of reviews that are in none of our splits
is what is left when all that are in one are taken out; to that come the train reviews that a row may know. The files
round their means, and that rounding grows as reviews are taken out: where it could move the mean of what is left by
more than ``tolerance`` stars, the file's mean is not used. Where there is no file, all is counted on train alone.
"""

from dataclasses import dataclass

import numpy as np

from rankpipe.params import bounded

LOGGED = ("useful", "compliment", "fans")
"""A user's other stats, in the order of the block. They can't be split by review, so a row's own votes stay in them."""


@dataclass(frozen=True)
class Stats:
    """The block ``rating.features.stats`` of params.yaml. The defaults of the roundings are Yelp's."""

    user_rounding: float = bounded(0.005, low=0.0)
    """By how much a user file's average_stars may be off: half of its last digit."""
    item_rounding: float = bounded(0.25, low=0.0)
    """The same of an item file's stars."""
    tolerance: float = bounded(0.5, low=0.0)
    prior: float = bounded(5.0, low=0.0)
    """Reviews of train's mean rating that are added to every mean, so that one of two reviews doesn't weigh like one of
    two hundred; 0 takes means as they are."""


@dataclass(frozen=True)
class Prior:
    """``weight`` reviews with the rating ``mean``."""

    weight: float
    mean: float

    def __call__(self, counts: np.ndarray, ratings: np.ndarray) -> np.ndarray:
        """(B,) mean rating of ``counts`` (B,) reviews with the sum ``ratings`` (B,) and of the prior's; NaN without a
        review."""
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = (ratings + self.weight * self.mean) / (counts + self.weight)
        return np.where(counts > 0, mean, np.nan)


@dataclass(frozen=True)
class Unseen:
    """Per entity (m,), float64: reviews of the raw file that are in none of our splits."""

    count: np.ndarray
    rated: np.ndarray
    """How many of them have a mean that can be relied on: all or none."""
    ratings: np.ndarray
    """Their ratings' sum."""

    @classmethod
    def none(cls, entities: int) -> "Unseen":
        return cls(np.zeros(entities), np.zeros(entities), np.zeros(entities))

    @classmethod
    def left(cls, count: np.ndarray, mean: np.ndarray | None, seen: np.ndarray, seen_ratings: np.ndarray,
             rounding: float, tolerance: float, low: float, high: float) -> "Unseen":
        """What a file's ``count`` and ``mean`` (m,) say beyond ``seen`` reviews with the sum ``seen_ratings``.

        NaN is an entity that the file doesn't know; without a file's mean there is only its count.
        """
        known = np.isfinite(count)
        unseen = np.maximum(np.where(known, count, 0).astype(np.float64) - seen, 0)
        if mean is None:
            return cls(unseen, np.zeros(len(unseen)), np.zeros(len(unseen)))
        known &= np.isfinite(mean)
        relied = known & (unseen > 0) & (np.where(known, count, 0) * rounding <= unseen * tolerance)
        rest = np.where(relied, count.astype(np.float64) * mean - seen_ratings, 0) / np.maximum(unseen, 1)
        rated = np.where(relied, unseen, 0)
        return cls(unseen, rated, np.clip(rest, low, high) * rated)

    def rows(self, codes: np.ndarray, counts: np.ndarray, ratings: np.ndarray, prior: Prior) -> np.ndarray:
        """(B, 2): ln(1 + reviews) and mean rating, of the unseen ones of ``codes`` (B,) and ``counts`` (B,) train
        reviews with the sum ``ratings`` (B,). NaN where nothing is known."""
        total = self.count[codes] + counts
        mean = prior(self.rated[codes] + counts, self.ratings[codes] + ratings)
        return np.stack([np.where(total > 0, np.log1p(total), np.nan), mean], 1)


class Moments:
    """Mean and deviation of K columns over the values that aren't NaN, block by block."""

    def __init__(self, columns: int):
        self.count, self.sum, self.squares = (np.zeros(columns) for _ in range(3))

    def add(self, x: np.ndarray) -> None:
        """``x`` (n, K) float64."""
        there = np.isfinite(x)
        values = np.where(there, x, 0)
        self.count += there.sum(0)
        self.sum += values.sum(0)
        self.squares += (values**2).sum(0)

    def scaling(self) -> "Scaling":
        count = np.maximum(self.count, 1)
        mean = self.sum / count
        spread = np.sqrt(np.maximum(self.squares / count - mean**2, 0))
        return Scaling(mean, np.where(spread > 1e-6 * np.maximum(np.abs(mean), 1), spread, 0))


@dataclass(frozen=True)
class Scaling:
    """(x − mean) / deviation; a NaN takes the mean, that is 0, and so does a constant column."""

    mean: np.ndarray
    deviation: np.ndarray

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """(n, K) float64 → float32, all finite."""
        factor = np.where(self.deviation > 0, 1 / np.where(self.deviation > 0, self.deviation, 1), 0)
        return np.where(np.isfinite(x), (x - self.mean) * factor, 0).astype(np.float32)
