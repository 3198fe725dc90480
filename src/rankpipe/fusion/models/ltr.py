"""Learning to rank on named features: z = MLP(features), trained on whole slates (Burges et al., ICML 2005, and the
losses since). The model is the mean of ``members`` nets, which differ in their first values and in what dropout hides
from them: fewer than a few hundred queries determine the direction of one net badly, their mean much better.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.fusion.inputs import Batch, Inputs
from rankpipe.fusion.models.scaling import Scaling, chosen, deviations
from rankpipe.fusion.objective import Ranking
from rankpipe.nn.mlp import BatchNorm
from rankpipe.params import bounded


class LTR(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking):
        hidden_dims: tuple[int, ...] = bounded((64,), low=1)
        dropout: float = bounded(0.5, low=0, below=1)
        input_dropout: float = bounded(0.0, low=0, below=1)
        """Of features, for each candidate and member anew."""
        batch_norm: bool = False
        """Before each activation; over all candidates of a batch."""
        scaling: Literal["none", "range", "standard"] = "standard"
        """Fitted on train. none: as they are; range: to [0, 1]; standard: mean 0, deviation 1, cut at ±5."""
        slate: bool = False
        """Adds to each feature its difference from the slate's mean."""
        features: tuple[str, ...] | None = None
        """By name; null takes all."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.params = params
        self.at = chosen(inputs, params.features, "ltr")
        self.scale = Scaling(len(self.at), params.scaling)
        dims = (len(self.at) * (2 if params.slate else 1), *params.hidden_dims, 1)
        shapes = list(zip(dims[:-1], dims[1:], strict=True))
        self.weights = nn.ParameterList([nn.Parameter(torch.empty(params.members, i, o)) for i, o in shapes])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(params.members, 1, o)) for _, o in shapes])
        for weight in self.weights:
            nn.init.normal_(weight, std=(2 / (weight.shape[1] + weight.shape[2])) ** 0.5)
        norms = [BatchNorm(params.members * dim) for dim in params.hidden_dims] if params.batch_norm else []
        self.norms = nn.ModuleList(norms)

    def prepare(self, features: np.ndarray) -> None:
        """Fits the scaling on train's features (m, F)."""
        self.scale.fit(features[:, self.at])

    def forward(self, batch: Batch) -> Tensor:
        """(m, K) scores of the members."""
        p, x = self.params, self.scale(batch.features[:, self.at])
        if p.slate:
            x = torch.cat([x, deviations(x, batch.lengths)], 1)
        x = x.expand(p.members, -1, -1)
        if p.input_dropout:
            x = F.dropout(x, p.input_dropout, self.training)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)  # (K, m, H)
            if i < len(p.hidden_dims):
                x = F.dropout(F.relu(self._normed(x, i)), p.dropout, self.training)
        return x.squeeze(2).T

    def _normed(self, x: Tensor, layer: int) -> Tensor:
        if not self.params.batch_norm:
            return x
        members, rows, width = x.shape
        flat = self.norms[layer](x.transpose(0, 1).reshape(rows, members * width))
        return flat.view(rows, members, width).transpose(0, 1)
