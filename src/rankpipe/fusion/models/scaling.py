"""Named features on a common scale, fitted on train and kept among a net's weights."""

from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from rankpipe.errors import InputError, nearest
from rankpipe.fusion.inputs import Inputs
from rankpipe.nn.segments import segment_mean, spread

LIMIT = 5.0


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


class Scaling(nn.Module):
    """(x − centre) / scale; a column that train holds one value of is left out, since a new value of it means nothing
    that was learnt."""

    def __init__(self, columns: int, how: Literal["none", "range", "standard"]):
        super().__init__()
        self.how = how
        self.register_buffer("centre", torch.zeros(columns))
        self.register_buffer("factor", torch.ones(columns))

    def fit(self, features: np.ndarray) -> None:
        """Of train's features (m, F)."""
        low, high = features.min(0, initial=np.inf), features.max(0, initial=-np.inf)
        if self.how == "range":
            centre, scale = low, high - low
        elif self.how == "standard":
            centre, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
        else:
            centre, scale = np.zeros(features.shape[1]), np.ones(features.shape[1])
        varies = high > low
        self.centre.copy_(torch.from_numpy(np.where(varies, centre, 0.0)))
        self.factor.copy_(torch.from_numpy(np.where(varies, 1 / np.where(varies, scale, 1.0), 0.0)))

    def forward(self, x: Tensor) -> Tensor:
        """(m, F) → (m, F)."""
        x = (x - self.centre) * self.factor
        return x.clamp(-LIMIT, LIMIT) if self.how == "standard" else x


def deviations(x: Tensor, lengths: Tensor) -> Tensor:
    """(m, F) less the mean of their own slate."""
    return x - spread(segment_mean(x, lengths), lengths)
