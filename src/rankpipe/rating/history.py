"""Which train reviews of a user (or an item) came before a point in time."""

import numpy as np

from rankpipe.data.newest import ragged_places


class Past:
    """An index over the n train reviews of one side.

    Args:
        codes: (n,) the side's code of each review, in [0, entities).
        times: (n,) int64.
        ratings: (n,) float.
    """

    def __init__(self, codes: np.ndarray, times: np.ndarray, ratings: np.ndarray, entities: int):
        self.order = np.lexsort((times, codes))
        self.starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=entities))])
        self.moments = np.unique(times)
        ranks = np.searchsorted(self.moments, times)
        # Entity and moment as one number, so that one bisection finds the place in an entity's own stretch.
        self.keys = (codes.astype(np.int64) * len(self.moments) + ranks)[self.order]
        self.totals = np.concatenate([[0.0], np.cumsum(ratings.astype(np.float64)[self.order])])

    def before(self, codes: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The reviews strictly earlier than ``times`` (B,) of entities ``codes`` (B,).

        Returns:
            (R,) their numbers in the train split, row after row; (B,) how many each row has; (B,) sum of their ratings.
        """
        keys = codes.astype(np.int64) * len(self.moments) + np.searchsorted(self.moments, times)
        starts = self.starts[codes]
        ends = np.searchsorted(self.keys, keys)
        counts = np.maximum(ends - starts, 0)
        return self.order[ragged_places(starts, counts)], counts, self.totals[starts + counts] - self.totals[starts]
