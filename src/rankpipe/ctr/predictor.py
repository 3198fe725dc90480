"""The track's side of a bundle: data frames in, click probabilities out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from rankpipe.ctr.serving import RowScorer
from rankpipe.errors import InputError, nearest
from rankpipe.hub.bundle import FEATURES

BLOCK_ROWS = 16_384


class FrameScorer:
    """Scores data frames: the bundle's side of :class:`RowScorer`."""

    def __init__(self, rows: RowScorer):
        self.rows = rows
        schema = rows.encoders.schema
        self.id = schema.id
        sequences = [c for g in schema.sequence.values() for c in g.fields.values()]
        self.text_columns = (*([schema.id] if schema.id else []), *schema.categorical, *sequences)
        words = {c: text_only(rows.encoders.vocabularies[c].values) for c in schema.categorical}
        self.text_only = {column: word for column, word in words.items() if word is not None}

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) float32; see :meth:`rankpipe.hub.Predictor.predict`."""
        self._check(frame)
        parts = [np.empty(0, np.float32)]
        for start in range(0, len(frame), BLOCK_ROWS):
            block = frame.iloc[start : start + BLOCK_ROWS]
            arrays = [_array(block[name], name) for name in self.rows.columns]
            rows = pa.RecordBatch.from_arrays(arrays, list(self.rows.columns))
            parts.append(self.rows.probabilities(rows, start, "the frame"))
        return np.concatenate(parts)

    def _check(self, frame: pd.DataFrame) -> None:
        names = list(frame.columns)
        for name in self.rows.columns:
            if name not in names:
                raise InputError(f"the frame has no column '{name}'; {nearest(name, names)}")
            if names.count(name) > 1:
                raise InputError(f"the frame has {names.count(name)} columns '{name}'; keep one")
        for name, word in self.text_only.items():
            if pd.api.types.is_numeric_dtype(frame[name].dtype):
                raise InputError(f"the frame: column '{name}': wrong type {frame[name].dtype}; the model knows text "
                                 f"such as {word!r}, read it with dtype=str")
        if self.id in names and (missing := frame[self.id].isna().to_numpy()).any():
            raise InputError(f"the frame: column '{self.id}', row {int(missing.argmax())} (the first is 0): missing")


def load(bundle: Path) -> FrameScorer:
    """The scoring function of a bundle folder; see :mod:`rankpipe.hub.bundle`."""
    return FrameScorer(RowScorer(bundle, bundle / FEATURES))


def _array(values: pd.Series, name: str) -> pa.Array:
    try:
        array = pa.Array.from_pandas(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        raise InputError(f"the frame: column '{name}': values of mixed types ({error})") from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def text_only(values: tuple[object, ...]) -> str | None:
    """A known word by which a column of numbers can't be taken for these ``values``, None where it can.

    ``"08"`` and ``"1.0"`` are such: as numbers they would come out as ``"8"`` and ``"1"``, silently unknown. Looks at
    the thousand most frequent words.
    """
    words = [w for w in values[:1000] if isinstance(w, str)]
    numbers = [w for w in words if _number(w) is not None]
    changed = [w for w in numbers if pa.scalar(_number(w)).cast(pa.string()).as_py() != w]
    return next(iter(changed if numbers else words), None)


def _number(word: str) -> float | int | None:
    try:
        return int(word) if word.isdigit() else float(word)
    except ValueError:
        return None
