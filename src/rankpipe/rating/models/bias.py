"""Rating ≈ μ + b_u + c_i with shrunk biases (Koren 2010, "Factor in the Neighbors", eq. 1): the baseline of the track.

The least of Σ (r − μ − b_u − c_i)² + λ_u Σ b_u² + λ_i Σ c_i², by turns over users and items. A user or item that train
doesn't hold has bias 0.
"""

import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import bounded
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.rows import Report, Rows, rmse

FILE = "model.safetensors"


class Bias:
    @dataclass(frozen=True)
    class Params:
        l2: tuple[float, ...] = bounded((1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0), above=0)
        """Candidates for λ_u and for λ_i, in rows: each pair is fitted, the best on valid is kept."""
        sweeps: int = bounded(10, low=1)

        def __post_init__(self) -> None:
            if not self.l2:
                raise ValueError("l2 is empty; name at least one strength of shrinkage")

    neural = False
    reads: tuple[str, ...] = ()

    def __init__(self, inputs: Inputs, params: Params):
        self.inputs, self.params = inputs, params
        self.users, self.items = np.zeros(inputs.n_users + 1, np.float32), np.zeros(inputs.n_items + 1, np.float32)

    def fit(self, train: Rows, valid: Rows, seed: int, threads: int, report: Report | None = None) -> "Bias":
        """Tries every pair of strengths; ``report`` hears of each, weakest first."""
        least = np.inf
        for step, (l2_user, l2_item) in enumerate(itertools.product(self.params.l2, repeat=2), 1):
            users, items = self._fitted(train, l2_user, l2_item)
            found = rmse(self._clipped(users, items, valid.users, valid.items), valid.ratings)
            if report is not None:
                report(step, {"rmse": found, "l2_user": l2_user, "l2_item": l2_item})
            if found < least:
                least, self.users, self.items = found, users, items
        return self

    def _fitted(self, train: Rows, l2_user: float, l2_item: float) -> tuple[np.ndarray, np.ndarray]:
        n_users, n_items = self.inputs.n_users + 1, self.inputs.n_items + 1
        rest = train.ratings - np.float64(self.inputs.mean)
        users, items = np.zeros(n_users), np.zeros(n_items)
        of_user = np.bincount(train.users, minlength=n_users) + l2_user
        of_item = np.bincount(train.items, minlength=n_items) + l2_item
        for _ in range(self.params.sweeps):
            items = np.bincount(train.items, rest - users[train.users], n_items) / of_item
            users = np.bincount(train.users, rest - items[train.items], n_users) / of_user
        return users.astype(np.float32), items.astype(np.float32)

    def _clipped(self, users: np.ndarray, items: np.ndarray, u: np.ndarray, i: np.ndarray) -> np.ndarray:
        return np.clip(np.float32(self.inputs.mean) + users[u] + items[i], self.inputs.low, self.inputs.high)

    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        return self._clipped(self.users, self.items, batch.users.cpu().numpy(), batch.items.cpu().numpy())

    def save(self, folder: Path) -> None:
        save_tensors(Path(folder) / FILE, {"users": self.users, "items": self.items})

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> "Bias":
        """Raises InputError where the file is missing or damaged."""
        model, tensors = cls(inputs, params), load_tensors(Path(folder) / FILE)
        model.users, model.items = tensors["users"].numpy(), tensors["items"].numpy()
        return model
