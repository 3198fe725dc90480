"""DCN-V2 (Wang et al., WWW 2021): x_{l+1} = x_0 ⊙ (W_l x_l + b_l) + x_l beside, or below, an MLP."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import Fields, History
from rankpipe.data.ragged import Batch
from rankpipe.nn.cross import CrossNetV2
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import MLP, FieldMLP
from rankpipe.params import bounded


class DCNv2(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        cross_layers: int = bounded(3, low=1)
        rank: int | None = bounded(None, low=1)
        """W = U Vᵀ of this rank; null: full. With F fields a full W has (F·embedding_dim)² weights."""
        structure: Literal["parallel", "stacked"] = "parallel"
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """In the MLP, after each activation."""
        batch_norm: bool = False
        history: History = "none"
        """``mean`` adds each sequence field's mean vector as a field."""

        def __post_init__(self) -> None:
            if not self.hidden_dims:
                raise ValueError("hidden_dims is empty; DCN-V2 needs its MLP")

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.params = params
        dim = params.embedding_dim
        self.fields = Fields(inputs, dim, params.history)
        width = (self.fields.count + len(inputs.numeric)) * dim
        self.cross = CrossNetV2(width, params.cross_layers, params.rank)
        if params.structure == "parallel":
            self.mlp: nn.Module = FieldMLP(self.fields.count * dim, len(inputs.numeric), dim, params.hidden_dims, None,
                                           dropout=params.dropout, batch_norm=params.batch_norm)
        else:
            self.mlp = MLP(width, params.hidden_dims, None, dropout=params.dropout, batch_norm=params.batch_norm)
        last = params.hidden_dims[-1]
        self.output = nn.Linear(last + width if params.structure == "parallel" else last, 1)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        x0 = self.fields.all(batch).flatten(1)  # (B, F·D)
        crossed = self.cross(x0)
        if self.params.structure == "stacked":
            return self.output(self.mlp(crossed)).squeeze(1)
        dense = x0[:, :self.fields.count * self.fields.dim]
        deep = self.mlp(dense, batch.numeric, self.fields.weight())
        return self.output(torch.cat([crossed, deep], 1)).squeeze(1)
