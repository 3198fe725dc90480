"""Deep Interest Network (Zhou et al., KDD 2018): [Σ_t a(s_t, target) s_t, target, other fields] → MLP → logit.

The activation unit runs over the real items alone, laid end to end: no row pays for the length of another.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import Fields
from rankpipe.data.ragged import Batch
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import FieldMLP
from rankpipe.nn.pooling import ActivationUnit
from rankpipe.params import bounded


class DIN(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        attention_dims: tuple[int, ...] = bounded((64,), low=1)
        activation: Literal["dice", "prelu", "relu"] = "dice"
        """Of the activation unit."""
        softmax: bool = False
        """Normalises an item's weight within its history; the paper doesn't."""
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        hidden_activation: Literal["relu", "prelu", "dice"] = "relu"
        dropout: float = bounded(0.0, low=0, below=1)
        """In the MLP, after each activation."""
        embedding_dropout: float = bounded(0.0, low=0, below=1)
        """On the vectors of items and target."""
        batch_norm: bool = False

        def __post_init__(self) -> None:
            if not self.attention_dims:
                raise ValueError("attention_dims is empty; the activation unit needs a hidden layer")

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        dim = params.embedding_dim
        self.fields = Fields(inputs, dim, "tokens")
        self.groups = self.fields.targeted_groups("din")
        widths = [len(inputs.sequences[g].fields) * dim for g in self.groups]
        self.interests = nn.ModuleList(ActivationUnit(w, params.attention_dims, params.activation, params.softmax)
                                       for w in widths)
        self.dropout = nn.Dropout(params.embedding_dropout)
        self.mlp = FieldMLP(self.fields.count * dim + 2 * sum(widths), len(inputs.numeric), dim, params.hidden_dims,
                            activations=params.hidden_activation, dropout=params.dropout, batch_norm=params.batch_norm)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        parts = [self.fields.vectors(batch).flatten(1)]
        for group, interest in zip(self.groups, self.interests, strict=True):
            target = self.dropout(self.fields.target(batch, group).flatten(1))  # (B, fields · D)
            items = self.dropout(self.fields.history(batch, group).flatten(1))  # (T, fields · D)
            parts += [interest(items, target, batch.sequences[group].lengths), target]
        return self.mlp(torch.cat(parts, 1), batch.numeric, self.fields.weight()).squeeze(1)
