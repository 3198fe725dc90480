"""A baseline that is one feature as it stands: the higher it is, the better the candidate. Nothing is learnt from
grades; a candidate without the modality behind the feature gets the mean of train's others, neither best nor worst."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np

from rankpipe.errors import InputError, nearest
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.inputs import MODALITIES, Batch, Inputs
from rankpipe.io.json import read_json, write_json

Report = Callable[[int, dict[str, float]], None]
FILE = "model.json"


class Column:
    """Subclasses say which column, and which modality it needs."""

    @dataclass(frozen=True)
    class Params:
        pass

    neural = False
    column: ClassVar[str]
    modality: ClassVar[str | None] = None

    def __init__(self, inputs: Inputs, params: Params):
        if self.column not in inputs.features:
            raise InputError(f"params.yaml: fusion.models: no feature '{self.column}' in the data for this baseline; "
                             f"take it out ({nearest(self.column, inputs.features)})")
        self.inputs, self.at, self.mean = inputs, inputs.features.index(self.column), 0.0

    def fit(self, train: Examples, valid: Examples, seed: int, threads: int, report: Report | None = None) -> Self:
        """Takes the mean over train's candidates that have the modality."""
        batch = train.batch(np.arange(len(train)))
        there = self._there(batch)
        if there.any():
            self.mean = float(batch.features[:, self.at].numpy()[there].mean(dtype=np.float64))
        return self

    def scores(self, batch: Batch) -> np.ndarray:
        """(m,) float32."""
        values = batch.features[:, self.at].cpu().numpy()
        return np.where(self._there(batch), values, np.float32(self.mean))

    def save(self, folder: Path) -> None:
        write_json(Path(folder) / FILE, {"mean": self.mean})

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> Self:
        """Raises InputError where the file is missing or damaged."""
        model, found = cls(inputs, params), read_json(Path(folder) / FILE)
        if not isinstance(found, dict) or not isinstance(found.get("mean"), float):
            raise InputError(f"{Path(folder) / FILE}: damaged; train the model again")
        model.mean = found["mean"]
        return model

    def _there(self, batch: Batch) -> np.ndarray:
        if self.modality is None:
            return np.ones(len(batch.features), bool)
        return batch.present[:, MODALITIES.index(self.modality)].cpu().numpy()
