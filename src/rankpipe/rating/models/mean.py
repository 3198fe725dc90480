"""The mean rating of train for everybody: what any model must beat."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.rows import Report, Rows


class Mean:
    @dataclass(frozen=True)
    class Params:
        pass

    neural = False
    reads: tuple[str, ...] = ()

    def __init__(self, inputs: Inputs, params: Params):
        self.inputs = inputs

    def fit(self, train: Rows, valid: Rows, seed: int, threads: int, report: Report | None = None) -> "Mean":
        """Nothing to learn: ``inputs`` holds the mean."""
        return self

    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        return np.full(len(batch), self.inputs.mean, np.float32)

    def save(self, folder: Path) -> None:
        """Nothing but what the configuration holds."""

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> "Mean":
        return cls(inputs, params)
