"""Popularity: an item's score is the number of users who took it, the same for everybody."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.topk.inputs import Inputs


class Pop:
    @dataclass(frozen=True)
    class Params:
        pass

    neural = separable = False

    def __init__(self, inputs: Inputs, params: Params):
        self.n_items = inputs.n_items
        self.counts = np.zeros(inputs.n_items, np.float32)

    def fit(self, taken: csr_matrix, seed: int) -> Iterator[None]:
        self.counts = np.bincount(taken.indices, minlength=self.n_items).astype(np.float32)
        yield

    def scores(self, histories: csr_matrix) -> np.ndarray:
        """(B, I) histories → (B, I) float32."""
        return np.tile(self.counts, (histories.shape[0], 1))

    def state(self) -> dict[str, np.ndarray]:
        return {"counts": self.counts}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.counts = state["counts"]
