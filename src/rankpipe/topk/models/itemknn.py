"""Neighbourhood of items (Deshpande and Karypis, TOIS 2004): z_ui = Σ_{j ∈ u} s_ji over the k nearest items j of i,
s_ji = n_ji / (√(n_j n_i) + shrink), n counting users."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.params import bounded
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.gram import gram


class ItemKNN:
    @dataclass(frozen=True)
    class Params:
        neighbours: int = bounded(100, low=1)
        shrink: float = bounded(10.0, low=0)
        """Added to the denominator: likeness seen by few users counts less."""

    neural = separable = False

    def __init__(self, inputs: Inputs, params: Params):
        self.params, self.n_items = params, inputs.n_items
        self.similar = csr_matrix((inputs.n_items, inputs.n_items), dtype=np.float32)

    def fit(self, taken: csr_matrix, seed: int) -> Iterator[None]:
        likeness = gram(taken)
        norms = np.sqrt(np.diagonal(likeness).copy())
        width = min(self.params.neighbours, self.n_items)
        rows, columns, values = [], [], []
        for i, row in enumerate(likeness):
            row /= np.maximum(norms[i] * norms + np.float32(self.params.shrink), np.float32(1e-9))
            row[i] = 0
            # At the edge ties go to the lower item, whatever the order that a partition leaves.
            least = np.partition(row, -width)[-width]
            near = np.flatnonzero(row > max(least, 0))
            level = np.flatnonzero(row == least)[:width - len(near)] if least > 0 else []
            near = np.sort(np.concatenate([near, level]).astype(np.int32))
            rows.append(near)
            columns.append(np.full(len(near), i, np.int32))
            values.append(row[near])
        found = (np.concatenate(values), (np.concatenate(rows), np.concatenate(columns)))
        self.similar = csr_matrix(found, shape=likeness.shape)
        yield

    def scores(self, histories: csr_matrix) -> np.ndarray:
        """(B, I) histories → (B, I) float32."""
        return (histories @ self.similar).toarray()

    def state(self) -> dict[str, np.ndarray]:
        return {"offsets": self.similar.indptr, "neighbours": self.similar.indices, "similarity": self.similar.data}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        shape = (self.n_items, self.n_items)
        self.similar = csr_matrix((state["similarity"], state["neighbours"], state["offsets"]), shape=shape)
