"""Biased matrix factorisation by variational Bayes: r ≈ μ + b_u + c_i + p_u · q_i (Lim and Teh, KDD Cup 2007).

The model is that of SVD (Koren 2009); the fit is alternating least squares in which every user and item also carries
the covariance of its posterior. A vector known from three ratings is thereby shrunk more than one known from three
hundred, and the variances of factors, biases and noise are estimated on the way, so that no λ is left to tune. With
x = (q_i, 1) the posterior of y_u = (p_u, b_u) is normal with

    S_u⁻¹ = Λ + τ Σ_i E[x xᵀ],    m_u = S_u (Λ m_0 + τ Σ_i E[x (r − μ − c_i)]),

where the expectations contain the item's covariance, and items follow in the same way. Λ, m_0 and τ are set by maximum
likelihood once a sweep. A user or item that train doesn't hold is m_0, the mean of all. Memory is (users + items)·
(k + 1)² numbers of 8 bytes; the ratings, 24 bytes each, are held in memory.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import bounded
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.rows import Report, Rows, rmse

FILE = "model.safetensors"


class MF:
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1, high=128)
        """k. More than the data hold does no harm: factors without use shrink to nothing."""
        sweeps: int = bounded(150, low=1)
        patience: int = bounded(30, low=1)
        """Sweeps without a gain on valid before the fit stops; the best sweep is kept. The error often rises for ten or
        twenty sweeps, while the factors' variances settle, before it falls again."""
        init_std: float = bounded(0.1, above=0)

    neural = False
    reads: tuple[str, ...] = ()

    def __init__(self, inputs: Inputs, params: Params):
        self.inputs, self.params = inputs, params
        width = params.embedding_dim + 1
        self.users = np.zeros((inputs.n_users + 1, width), np.float32)
        self.items = np.zeros((inputs.n_items + 1, width), np.float32)

    def fit(self, train: Rows, valid: Rows, seed: int, threads: int, report: Report | None = None) -> "MF":
        """Sweeps until valid stops gaining. One thread, whatever ``threads`` says."""
        from rankpipe.rating.models.posterior import Posterior

        posterior = Posterior(train, self.inputs, self.params.embedding_dim, self.params.init_std, seed)
        least, waited = np.inf, 0
        for sweep in range(1, self.params.sweeps + 1):
            posterior.sweep(settled=sweep > 2)
            users, items = posterior.means()
            found = rmse(self._clipped(users, items, valid.users, valid.items), valid.ratings)
            if report is not None:
                report(sweep, {"rmse": found})
            waited += 1
            if found < least:
                least, waited, self.users, self.items = found, 0, users, items
            if waited >= self.params.patience:
                break
        return self

    def _clipped(self, users: np.ndarray, items: np.ndarray, u: np.ndarray, i: np.ndarray) -> np.ndarray:
        p, q = users[u], items[i]
        score = np.einsum("bk,bk->b", p[:, :-1], q[:, :-1]) + p[:, -1] + q[:, -1] + np.float32(self.inputs.mean)
        return np.clip(score, self.inputs.low, self.inputs.high)

    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        return self._clipped(self.users, self.items, batch.users.cpu().numpy(), batch.items.cpu().numpy())

    def save(self, folder: Path) -> None:
        save_tensors(Path(folder) / FILE, {"users": self.users, "items": self.items})

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> "MF":
        """Raises InputError where the file is missing or damaged."""
        model, tensors = cls(inputs, params), load_tensors(Path(folder) / FILE)
        model.users, model.items = tensors["users"].numpy(), tensors["items"].numpy()
        return model
