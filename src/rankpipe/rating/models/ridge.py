"""Ridge regression on the profile blocks and on the deviations of user and item (Hoerl and Kennard 1970).

Columns are standardised by train, so that one λ fits all. Only sums over rows are held: (columns)² numbers, however
long the split.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import bounded
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.blocks import blocks
from rankpipe.rating.models.rows import Report, Rows, rmse
from rankpipe.rating.models.statistics import NAMES, Statistics

FILE = "model.safetensors"


class Ridge:
    @dataclass(frozen=True)
    class Params:
        l2: tuple[float, ...] = bounded((1.0, 10.0, 100.0, 1000.0, 10000.0), above=0)
        """Candidates for λ, in rows; the best on valid is kept."""
        bias_l2: float = bounded(5.0, above=0)
        """By how many rows the deviations of user and item are shrunk."""
        blocks: tuple[str, ...] | None = None
        """Profile blocks by name; null takes all."""

        def __post_init__(self) -> None:
            if not self.l2:
                raise ValueError("l2 is empty; name at least one strength of shrinkage")

    neural = False

    def __init__(self, inputs: Inputs, params: Params):
        self.inputs, self.params = inputs, params
        self.blocks = blocks(inputs, params.blocks, "ridge")
        self.reads = self.blocks.names
        self.statistics = Statistics(inputs, params.bias_l2)
        self.weights = torch.zeros(self.blocks.width + len(NAMES), dtype=torch.float64)
        self.intercept = torch.tensor(inputs.mean, dtype=torch.float64)

    def fit(self, train: Rows, valid: Rows, seed: int, threads: int, report: Report | None = None) -> "Ridge":
        """Tries every λ; ``report`` hears of each."""
        torch.set_num_threads(threads)
        self.statistics.fit(train)
        count, sums, squares, products, total = 0, 0.0, 0.0, 0.0, 0.0
        for x, y in self._parts(train, own=True):
            count, total = count + len(y), total + y.sum()
            sums, squares, products = sums + x.sum(0), squares + x.T @ x, products + x.T @ y
        mean, centre = sums / count, total / count
        covariance = squares / count - torch.outer(mean, mean)
        scale = covariance.diagonal().clamp(min=0).sqrt()
        # A column that train holds one value of says nothing, and its rounding must not be blown up.
        scale = torch.where(scale > 1e-6 * (1 + mean.abs()), scale, torch.inf)
        values, vectors = torch.linalg.eigh(covariance / torch.outer(scale, scale))
        rotated = vectors.T @ ((products / count - mean * centre) / scale)
        found = []
        for l2 in self.params.l2:
            weights = vectors @ (rotated / (values.clamp(min=0) + l2 / count)) / scale
            found.append((weights, centre - mean @ weights))
        errors = self._errors(valid, found)
        for step, (l2, error) in enumerate(zip(self.params.l2, errors, strict=True), 1):
            if report is not None:
                report(step, {"rmse": error, "l2": l2})
        self.weights, self.intercept = found[int(np.argmin(errors))]
        return self

    def _errors(self, valid: Rows, found: list[tuple[Tensor, Tensor]]) -> list[float]:
        parts = [torch.stack([self._clipped(x, w, b) for w, b in found]) for x, _ in self._parts(valid, own=False)]
        return [rmse(p.numpy(), valid.ratings) for p in torch.cat(parts, 1)]

    def _parts(self, rows: Rows, own: bool) -> Iterator[tuple[Tensor, Tensor]]:
        for batch in rows.batches():
            yield self._columns(batch, own), batch.ratings.double()

    def _columns(self, batch: Batch, own: bool = False) -> Tensor:
        """(B, columns) float64."""
        known = self.statistics(batch.users.numpy(), batch.items.numpy(), batch.ratings.numpy() if own else None)
        return torch.cat([torch.from_numpy(known), self.blocks(batch)], 1).double()

    def _clipped(self, x: Tensor, weights: Tensor, intercept: Tensor) -> Tensor:
        return (x @ weights + intercept).clamp(self.inputs.low, self.inputs.high)

    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        return self._clipped(self._columns(batch), self.weights, self.intercept).float().numpy()

    def save(self, folder: Path) -> None:
        save_tensors(Path(folder) / FILE, {"weights": self.weights, "intercept": self.intercept})
        self.statistics.save(folder)

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> "Ridge":
        """Raises InputError where a file is missing or damaged."""
        model, tensors = cls(inputs, params), load_tensors(Path(folder) / FILE)
        model.weights, model.intercept = tensors["weights"], tensors["intercept"]
        model.statistics.load(folder)
        return model
