"""The track's side of a bundle: frames of user and item in, ratings out, and the best items of a user.

>>> predictor = Predictor.from_pretrained("build/toy/rating/bundle")
>>> predictor.predict(frame)                      # columns as schema.json names them, such as user_id, business_id
array([4.12, …], dtype=float32)
>>> predictor.scorer.rate(frame)                  # a frame: rating, spread, low, high
>>> predictor.scorer.top_n("u17", 10, exclude=["b3"])
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from rankpipe.data.origin import Origin
from rankpipe.data.typed import ids
from rankpipe.errors import InputError, nearest
from rankpipe.hub.bundle import FEATURES, SCHEMA
from rankpipe.io.json import read_json
from rankpipe.rating.ensemble import load as load_ensemble
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.serving import ANSWERS, Rated, Rater, needed

MODELS = "models"
"""Folder of the bundle that holds one folder a model."""


class PairScorer:
    """Rates pairs of raw ids. Ids that train doesn't hold get the mean profile of train."""

    id: str | None = None

    def __init__(self, rater: Rater, user: str, item: str):
        self.rater = rater
        self.text_columns = (user, item)
        self.names = {column: rater.profiles.names(side)
                      for column, side in zip(self.text_columns, ("user", "item"), strict=True)}
        self.codes = {column: {name: i for i, name in enumerate(names)} for column, names in self.names.items()}

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) float32 ratings; see :meth:`rankpipe.hub.Predictor.predict`."""
        return self._rated(frame).rating

    def rate(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Rating, spread and interval of each row, in the frame's order and with its index.

        Raises:
            InputError: a column is missing, there twice, or holds no id.
        """
        rated = self._rated(frame)
        return pd.DataFrame({name: getattr(rated, name) for name in ANSWERS}, index=frame.index)

    def top_n(self, user: str, n: int = 10, exclude: Iterable[str] = ()) -> pd.DataFrame:
        """The ``n`` items that ``user`` would rate highest, best first, all items rated in one pass.

        Args:
            exclude: raw ids of items to leave out, such as those that the user has rated: the bundle doesn't hold them.
        """
        column, of_item = self.text_columns
        code = np.array([self.codes[column].get(str(user), -1)])
        left_out = np.array([self.codes[of_item][name] for name in map(str, exclude) if name in self.codes[of_item]],
                            np.int64)
        best, rated = next(self.rater.best(code, n, [left_out]))
        return pd.DataFrame({of_item: [self.names[of_item][i] for i in best],
                             **{name: getattr(rated, name) for name in ANSWERS}})

    def _rated(self, frame: pd.DataFrame) -> Rated:
        held = list(frame.columns)
        codes = []
        for column in self.text_columns:
            if column not in held:
                raise InputError(f"the frame has no column '{column}'; {nearest(column, held)}")
            if held.count(column) > 1:
                raise InputError(f"the frame has {held.count(column)} columns '{column}'; keep one")
            known = self.codes[column]
            codes.append(np.array([known.get(name, -1) for name in _text(frame[column], column).to_pylist()], np.int64))
        return self.rater.rate(*codes)


def load(bundle: Path) -> PairScorer:
    """The scoring function of a bundle folder; see :mod:`rankpipe.hub.bundle`.

    Raises:
        InputError: a file is missing or damaged.
    """
    schema, ensemble = read_json(bundle / SCHEMA), load_ensemble(bundle)
    try:
        model, user, item = str(schema["model"]), str(schema["user"]), str(schema["item"])
    except (KeyError, TypeError) as error:
        raise InputError(f"{bundle / SCHEMA}: no key {error}; fetch the bundle again") from error
    folders = {m: bundle / MODELS / m for m in needed(ensemble, model)}
    return PairScorer(Rater(Profiles.load(bundle / FEATURES), ensemble, model, folders), user, item)


def _text(values: pd.Series, name: str) -> pa.Array:
    try:
        array = pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InputError(f"the frame: column '{name}': values of mixed types ({error})") from error
    array = array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    return ids(array, name, Origin("the frame", np.arange(len(array))))
