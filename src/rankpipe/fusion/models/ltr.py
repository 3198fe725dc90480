"""Learning to rank on named features: z = MLP(features), trained on whole slates (Burges et al., ICML 2005, and the
losses since). The model is the mean of ``members`` nets, which differ in their first values and in what dropout hides
from them: few queries determine the direction of one net badly, that of their mean much better.

A feature enters in bins (:class:`rankpipe.fusion.models.scaling.Piecewise`) or standardised, and, with ``slate``, once
more as its difference from the mean of its slate: what a candidate is among those it competes with.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.fusion.inputs import Batch, Inputs
from rankpipe.fusion.models.scaling import Piecewise, Standard, chosen, deviations
from rankpipe.fusion.objective import Ranking
from rankpipe.nn.mlp import BatchNorm
from rankpipe.params import bounded


class LTR(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking):
        hidden_dims: tuple[int, ...] = bounded((64,), low=1)
        dropout: float = bounded(0.5, low=0, below=1)
        input_dropout: float = bounded(0.0, low=0, below=1)
        """Of encoded features, for each candidate and member anew."""
        batch_norm: bool = False
        """Before each activation; over all candidates of a batch."""
        encoding: Literal["piecewise", "standard"] = "piecewise"
        bins: int = bounded(8, low=1)
        """Of a feature, at most; for the piecewise encoding."""
        slate: bool = True
        features: tuple[str, ...] | None = None
        """By name; null takes all."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.params = params
        self.at = chosen(inputs, params.features, "ltr")
        columns = len(self.at) * (2 if params.slate else 1)
        self.encode = Piecewise(columns, params.bins) if params.encoding == "piecewise" else Standard(columns)
        self._build()

    def prepare(self, features: np.ndarray, lengths: np.ndarray) -> None:
        """Fits the encoding on train's features (m, F), slates of ``lengths`` end to end, and draws the weights."""
        self.encode.fit(self._columns(torch.from_numpy(features), torch.from_numpy(lengths)).numpy())
        self._build()

    def shape(self, tensors: dict[str, Tensor]) -> None:
        """Makes room for saved weights, whose number train's features decided."""
        self.encode.shape({name.removeprefix("encode."): value for name, value in tensors.items()})
        self._build()

    def forward(self, batch: Batch) -> Tensor:
        """(m, K) scores of the members."""
        p = self.params
        x = self.encode(self._columns(batch.features, batch.lengths)).expand(p.members, -1, -1)
        if p.input_dropout:
            x = F.dropout(x, p.input_dropout, self.training)
        for i, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)  # (K, m, H)
            if i < len(p.hidden_dims):
                x = F.dropout(F.relu(self._normed(x, i)), p.dropout, self.training)
        return x.squeeze(2).T

    def _columns(self, features: Tensor, lengths: Tensor) -> Tensor:
        x = features[:, self.at]
        return torch.cat([x, deviations(x, lengths)], 1) if self.params.slate else x

    def _build(self) -> None:
        members, dims = self.params.members, (self.encode.width, *self.params.hidden_dims, 1)
        self.weights = nn.ParameterList([nn.Parameter(torch.empty(members, i, o)) for i, o in pairwise(dims)])
        self.biases = nn.ParameterList([nn.Parameter(torch.zeros(members, 1, o)) for o in dims[1:]])
        for weight in self.weights:
            nn.init.normal_(weight, std=(2 / (weight.shape[1] + weight.shape[2])) ** 0.5)
        norms = [BatchNorm(members * dim) for dim in self.params.hidden_dims] if self.params.batch_norm else []
        self.norms = nn.ModuleList(norms)

    def _normed(self, x: Tensor, layer: int) -> Tensor:
        if not self.params.batch_norm:
            return x
        members, rows, width = x.shape
        flat = self.norms[layer](x.transpose(0, 1).reshape(rows, members * width))
        return flat.view(rows, members, width).transpose(0, 1)
