"""Implicit ALS (Hu et al., ICDM 2008) with the weights of Rendle et al. (RecSys 2022, "Revisiting iALS"):

    Σ_{(u,i) taken} (1 − ⟨p_u, q_i⟩)² + α Σ_{u,i} ⟨p_u, q_i⟩² + λ Σ_u (n_u + α I)^ν ‖p_u‖² + λ Σ_i (n_i + α U)^ν ‖q_i‖²

Each half of an iteration solves one side exactly given the other, a d × d system a row.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.params import bounded
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.leastsquares import solve


class ALS:
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(64, low=1)
        epochs: int = bounded(16, low=1)
        patience: int = bounded(4, low=1)
        """Iterations without a gain on valid before training stops; the best one is kept."""
        unobserved: float = bounded(0.1, low=0)
        """α, the weight of every pair, against 1 more of a taken one."""
        regularization: float = bounded(0.01, above=0)
        """λ."""
        exponent: float = bounded(1.0, low=0, high=1)
        """ν, 1 weighs a row's penalty by all its pairs, 0 not at all."""
        init_std: float = bounded(0.1, above=0)
        """Of the first ⟨p, q⟩; divided by √d for each number."""

    neural, separable = False, True

    def __init__(self, inputs: Inputs, params: Params):
        self.params, self.inputs = params, inputs
        self.users = np.zeros((inputs.n_users, params.embedding_dim), np.float32)
        self.items = np.zeros((inputs.n_items, params.embedding_dim), np.float32)

    def fit(self, taken: csr_matrix, seed: int) -> Iterator[None]:
        """Yields after every iteration, from the first or, after :meth:`restore`, from the next one on."""
        p = self.params
        if not self.users.any():
            generator = np.random.Generator(np.random.Philox(key=[seed, 0]))
            noise = generator.standard_normal(self.users.shape, np.float32)
            noise[np.diff(taken.indptr) == 0] = 0  # who took nothing says nothing
            self.users = noise * np.float32(p.init_std / np.sqrt(p.embedding_dim))
        takers = taken.T.tocsr()
        while True:
            # Items first: the users of the result then are exactly what fold_in makes of their rows.
            self.items = solve(takers, self.users, p.unobserved, p.regularization, p.exponent)
            self.users = self.fold_in(taken)
            yield

    def fold_in(self, histories: csr_matrix) -> np.ndarray:
        """(B, I) histories → (B, d) the users' vectors that minimise the loss."""
        p = self.params
        return solve(histories, self.items, p.unobserved, p.regularization, p.exponent)

    def factors(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Users (U, d), items (I, d) and the items' biases (I,), here none."""
        return self.users, self.items, np.zeros(len(self.items), np.float32)

    def state(self) -> dict[str, np.ndarray]:
        return {"users": self.users, "items": self.items}

    def restore(self, state: dict[str, np.ndarray]) -> None:
        self.users, self.items = state["users"], state["items"]
