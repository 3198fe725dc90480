"""EASE (Steck, WWW 2019): Z = X B with B the ridge regression of each item on all others, in closed form from the
items' Gram matrix: B_ij = −P_ij / P_jj off the diagonal, P = (XᵀX + Λ)⁻¹.

Λ = λ I + ρ/(1 − ρ) · diag(XᵀX): the second part is EDLAE (Steck, NeurIPS 2020), the limit of training with a share ρ of
each user's items hidden. With ``fields`` > 0 the items' side fields F enter as further rows of X, users who took all
items of one value: XᵀX + w FFᵀ (Jeunen et al., RecSys 2020, "collective EASE").
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg.lapack import spotrf, spotri
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError
from rankpipe.params import bounded
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.gram import gram


class EASE:
    @dataclass(frozen=True)
    class Params:
        regularization: float = bounded(300.0, above=0)
        """λ."""
        dropout: float = bounded(0.0, low=0, below=1)
        """ρ."""
        fields: float = bounded(0.0, low=0)
        """w; 0 leaves side fields out."""

    neural = separable = False

    def __init__(self, inputs: Inputs, params: Params):
        self.params, self.inputs = params, inputs
        self.weights = np.zeros((0, 0), np.float32)

    def fit(self, taken: csr_matrix, seed: int) -> Iterator[None]:
        p, found = self.params, gram(taken)
        found.flat[::len(found) + 1] *= 1 + p.dropout / (1 - p.dropout)
        for field in self.inputs.item_fields if p.fields else ():
            shares = field.matrix()
            found += p.fields * (shares @ shares.T).toarray()
        found.flat[::len(found) + 1] += p.regularization
        # Symmetric, so the transpose is the same matrix in the order that LAPACK overwrites in place.
        factor, failed = spotrf(found.T, lower=1, overwrite_a=1, clean=0)
        if not failed:
            factor, failed = spotri(factor, lower=1, overwrite_c=1)
        if failed:
            raise InputError("params.yaml: topk.models.ease.regularization: too small for float32, the Gram matrix has "
                             f"no inverse at {p.regularization:g}; raise it")
        inverse = factor.T  # its upper half, in C order
        for i in range(1, len(inverse)):
            inverse[i, :i] = inverse[:i, i]
        inverse /= -np.diagonal(inverse).copy()
        inverse.flat[::len(inverse) + 1] = 0
        self.weights = inverse
        yield

    def scores(self, histories: csr_matrix) -> np.ndarray:
        """(B, I) histories → (B, I) float32."""
        return histories @ self.weights

    def state(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.weights = state["weights"]
