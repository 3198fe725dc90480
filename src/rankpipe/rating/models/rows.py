"""A split as the models that aren't modules fit on it: codes and ratings in memory, profile blocks streamed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from rankpipe.rating.inputs import Batch

Report = Callable[[int, dict[str, float]], None]
"""(step from 1 on, metric of valid → value), for the learning curve."""


@dataclass(frozen=True)
class Rows:
    """n labelled rows."""

    users: np.ndarray
    """(n,) int64 codes, ``inputs.n_users`` = unknown."""
    items: np.ndarray
    """(n,) int64 codes, ``inputs.n_items`` = unknown."""
    ratings: np.ndarray
    """(n,) float32."""
    batches: Callable[[], Iterator[Batch]]
    """Starts again from the first row, in order; of train, each row's own review is out of its profiles."""

    def __len__(self) -> int:
        return len(self.ratings)


def rmse(predicted: np.ndarray, ratings: np.ndarray) -> float:
    """Root of the mean squared error over rows."""
    return float(np.sqrt(np.mean(np.square(predicted - ratings, dtype=np.float64))))
