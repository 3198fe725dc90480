"""A bundle of a model that reads features alone: rows of a frame are scored by the columns that it was trained on."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from rankpipe.errors import InputError, nearest
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import Slates
from rankpipe.fusion.scoring import Scorer, score_all
from rankpipe.metrics.slates import best_first


class PlainPredictor:
    """:meth:`__call__` scores a frame, (N,) float32. Rows of one ``query`` are ranked together; without that column,
    all rows are of one query.
    """

    id: str | None = None
    text_columns = ("query",)

    def __init__(self, scorer: Scorer):
        self.scorer = scorer

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """Raises InputError for a column that is missing, doubled, or holds no finite numbers."""
        names = list(frame.columns)
        of = pd.factorize(frame["query"])[0] if "query" in names else np.zeros(len(frame), np.int64)
        if len(of) and of.min() < 0:
            raise InputError(f"column 'query', row {int((of < 0).argmax())} (the first is 0): is missing")
        features = np.stack([self._column(frame, name) for name in self.scorer.inputs.features], 1)
        order = np.argsort(of, kind="stable")
        offsets = np.concatenate([[0], np.cumsum(np.bincount(of))]).astype(np.int64)
        slates = Slates(offsets, np.arange(len(of), dtype=np.int32), np.zeros(len(of), np.int8))
        found = np.zeros(len(frame), np.float32)
        if len(frame):
            found[order] = score_all(self.scorer, Examples(np.arange(len(slates), dtype=np.int32), slates,
                                                           features[order], self.scorer.inputs.features))
        return found

    def rank(self, query: Any, candidates: Sequence[Mapping[str, float]] | pd.DataFrame) -> pd.DataFrame:
        """One query's candidates, best first: a frame of place, candidate (its position in the argument) and score.

        Args:
            query: not looked at, all that is known of it stands in the features.
            candidates: a map, or a row, of features each.
        """
        frame = pd.DataFrame(candidates).drop(columns="query", errors="ignore")
        scores = self(frame)
        order = best_first(np.array([0, len(scores)]), scores, np.arange(len(scores)))
        return pd.DataFrame({"place": np.arange(1, len(order) + 1), "candidate": order, "score": scores[order]})

    def _column(self, frame: pd.DataFrame, name: str) -> np.ndarray:
        count = list(frame.columns).count(name)
        if count != 1:
            what = f"has {count} columns '{name}'; keep one" if count else \
                f"has no column '{name}'; {nearest(name, [str(c) for c in frame.columns])}"
            raise InputError(f"the frame {what}")
        values = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float32)
        if not np.isfinite(values).all():
            row = int((~np.isfinite(values)).argmax())
            raise InputError(f"column '{name}', row {row} (the first is 0): {frame[name].iloc[row]!r} is no finite "
                             "number")
        return values
