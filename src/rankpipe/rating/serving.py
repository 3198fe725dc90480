"""From pairs of user and item to ratings, their spread and intervals: what predict and a loaded bundle both run."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.errors import InputError
from rankpipe.rating.ensemble import Ensemble
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.scores import ENSEMBLE
from rankpipe.rating.scoring import batch_of, load_model

ANSWERS = ("rating", "spread", "low", "high")


@dataclass(frozen=True)
class Rated:
    """n pairs."""

    rating: np.ndarray
    """(n,) float32."""
    spread: np.ndarray
    """(n,) float32 standard deviation of the ensemble's members: how far models of different kinds differ."""
    low: np.ndarray
    """(n,) float32 ends of the interval."""
    high: np.ndarray

    def __getitem__(self, rows: np.ndarray) -> "Rated":
        return Rated(*(getattr(self, name)[rows] for name in ANSWERS))


class Rater:
    """A model, or the ensemble, over stored profiles. Memory is that of one batch, however many pairs there are.

    Args:
        folders: model → the folder that train wrote, of ``model`` and of every member of ``ensemble``.
        model: the one whose rating is given; the spread is always the ensemble's.
    """

    def __init__(self, profiles: Profiles, ensemble: Ensemble, model: str, folders: dict[str, Path],
                 batch_rows: int = 8192, device: str = "cpu"):
        self.profiles, self.ensemble, self.model, self.batch_rows = profiles, ensemble, model, batch_rows
        if model not in ensemble.intervals:
            raise InputError(f"the ensemble has no intervals of '{model}'; run the ensemble stage again")
        self.scorers = {m: load_model(folders[m], device) for m in needed(ensemble, model)}
        for name, scorer in self.scorers.items():
            if scorer.inputs != profiles.inputs:
                raise InputError(f"{folders[name]}: was trained on other features than {profiles.folder} holds; "
                                 "train it again")
        self.blocks = any(scorer.reads for scorer in self.scorers.values())

    def rate(self, users: np.ndarray, items: np.ndarray) -> Rated:
        """(n,) codes, anything outside the tables a cold one → n ratings."""
        parts = [self._batch(users[start:start + self.batch_rows], items[start:start + self.batch_rows])
                 for start in range(0, max(len(users), 1), self.batch_rows)]
        return Rated(*(np.concatenate([getattr(part, name) for part in parts]) for name in ANSWERS))

    def _batch(self, users: np.ndarray, items: np.ndarray) -> Rated:
        batch = batch_of(self.profiles, users, items, self.blocks)
        rated = {name: scorer.ratings(batch) for name, scorer in self.scorers.items()}
        combined, spread = self.ensemble.ratings(rated)
        rating = combined if self.model == ENSEMBLE else rated[self.model].astype(np.float64)
        low, high = self.ensemble.intervals[self.model].interval(rating, spread, self.ensemble.level)
        return Rated(*(x.astype(np.float32) for x in (rating, spread, low, high)))

    def best(self, users: np.ndarray, top: int, seen: list[np.ndarray]) -> Iterator[tuple[np.ndarray, Rated]]:
        """For each user the items of the highest ratings, all items rated in one pass: (codes, ratings), best first.

        Args:
            users: (n,) codes.
            top: at most this many items a user; of equal ratings the lower code comes first.
            seen: for each user the codes of items to leave out.
        """
        count = self.profiles.inputs.n_items
        group = max(self.batch_rows // count, 1)
        for start in range(0, len(users), group):
            mine = users[start:start + group]
            all_rated = self.rate(np.repeat(mine, count), np.tile(np.arange(count), len(mine)))
            for i, leave_out in enumerate(seen[start:start + group]):
                own = all_rated[np.arange(i * count, (i + 1) * count)]
                order = np.argsort(-own.rating, kind="stable")
                items = order[~np.isin(order, leave_out)][:top]
                yield items, own[items]


def needed(ensemble: Ensemble, model: str) -> list[str]:
    """The trained models behind a rating of ``model`` and its spread."""
    return sorted({*ensemble.weights, *([] if model == ENSEMBLE else [model])})
