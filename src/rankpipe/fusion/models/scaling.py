"""Named features on a common scale, fitted on train and kept among a net's weights."""

import numpy as np
import torch
from torch import Tensor, nn

from rankpipe.errors import InputError, nearest
from rankpipe.fusion.inputs import Inputs
from rankpipe.nn.segments import segment_mean, spread

LIMIT = 5.0
_NOISE = 1e-4
"""Of a column's deviation: steps below that are rounding."""
_ROWS = 1 << 14


def chosen(inputs: Inputs, features: tuple[str, ...] | None, model: str) -> list[int]:
    """Positions of the features that a model reads, in the order of their names, so that it doesn't depend on the
    order of columns; None takes all.

    Raises:
        InputError: a name that isn't there, or no feature at all.
    """
    for name in features or ():
        if name not in inputs.features:
            raise InputError(f"params.yaml: fusion.models.{model}.features: no feature '{name}'; "
                             f"{nearest(name, inputs.features)}")
    names = sorted(inputs.features if features is None else set(features))
    if not names:
        raise InputError(f"params.yaml: fusion.models.{model}.features: there is none; name one")
    return [inputs.features.index(name) for name in names]


class Standard(nn.Module):
    """(x − mean) / deviation, cut at ±5. A column that train holds one value of is left out: nothing was learnt of
    another."""

    def __init__(self, columns: int):
        super().__init__()
        self.width = columns
        self.register_buffer("mean", torch.zeros(columns))
        self.register_buffer("factor", torch.zeros(columns))

    def fit(self, x: np.ndarray) -> None:
        """Of train's rows (m, F)."""
        mean, deviation = x.mean(0, dtype=np.float64), x.std(0, dtype=np.float64)
        varies = deviation > _NOISE * (np.abs(mean) + _NOISE)
        self.mean.copy_(torch.from_numpy(mean))
        self.factor.copy_(torch.from_numpy(np.where(varies, 1 / np.where(varies, deviation, 1.0), 0.0)))

    def shape(self, tensors: dict[str, Tensor]) -> None:
        """Nothing depends on the data."""

    def forward(self, x: Tensor) -> Tensor:
        """(m, F) → (m, F)."""
        return ((x - self.mean) * self.factor).clamp(-LIMIT, LIMIT)


class Piecewise(nn.Module):
    """Piecewise linear encoding (Gorishniy et al., NeurIPS 2022): a feature becomes how far it got through each of its
    bins, from 0 to 1, less train's mean. Bins lie between quantiles of train; equal ones make one bin, and a column
    that train holds one value of has none. So a net sees thresholds as trees do, whatever a feature's scale.
    """

    def __init__(self, columns: int, bins: int):
        super().__init__()
        self.columns, self.bins = columns, bins
        self._hold(0)

    @property
    def width(self) -> int:
        """P, bins of all columns together."""
        return len(self.at)

    def fit(self, x: np.ndarray) -> None:
        """Of train's rows (m, F)."""
        at, low, factor = [], [], []
        for column in range(self.columns):
            edges = np.quantile(x[:, column].astype(np.float64), np.linspace(0, 1, self.bins + 1))
            step = _NOISE * (x[:, column].std(dtype=np.float64) + _NOISE)
            edges = edges[np.concatenate([[True], np.diff(edges) > step])]
            at += [column] * (len(edges) - 1)
            low += edges[:-1].tolist()
            factor += (1 / np.diff(edges)).tolist()
        self._hold(len(at))
        self.at.copy_(torch.tensor(at, dtype=torch.int64))
        self.low.copy_(torch.tensor(low, dtype=torch.float64))
        self.factor.copy_(torch.tensor(factor, dtype=torch.float64))
        parts = [torch.from_numpy(x[i:i + _ROWS]) for i in range(0, len(x), _ROWS)]
        self.mean.copy_(sum(self(part).sum(0, dtype=torch.float64) for part in parts) / len(x))

    def shape(self, tensors: dict[str, Tensor]) -> None:
        """Makes room for what was saved; ``tensors`` are this module's own."""
        self._hold(len(tensors["at"]))

    def forward(self, x: Tensor) -> Tensor:
        """(m, F) → (m, P)."""
        return ((x.index_select(1, self.at) - self.low) * self.factor).clamp(0, 1) - self.mean

    def _hold(self, width: int) -> None:
        self.register_buffer("at", torch.zeros(width, dtype=torch.int64))
        for name in ("low", "factor", "mean"):
            self.register_buffer(name, torch.zeros(width))


def deviations(x: Tensor, lengths: Tensor) -> Tensor:
    """(m, F) less the mean of their own slate."""
    return x - spread(segment_mean(x, lengths), lengths)
