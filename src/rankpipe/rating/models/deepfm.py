"""DeepFM over dense fields (Guo et al., IJCAI 2017): z = linear(x) + FM(x) + MLP(x), rating = low + (high − low)·σ(z).

Every column i of the profile blocks owns a vector v_i. The FM term is Σ_{i<j} x_i x_j ⟨v_i, v_j⟩, computed as
½·Σ_k [(Σ_i x_i v_ik)² − Σ_i (x_i v_ik)²] (Rendle 2010): pairs of different columns only. With ``ids`` the user and the
item are two further fields of value 1.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rankpipe.errors import InputError
from rankpipe.nn.cross import pairs
from rankpipe.nn.embedding import NumericVectors
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import MLP
from rankpipe.params import bounded
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.blocks import blocks
from rankpipe.rating.models.heads import Ids, Scale


class DeepFM(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        dropout: float = bounded(0.3, low=0, below=1)
        """In the MLP, after each activation."""
        batch_norm: bool = True
        ids: bool = True
        """Vectors of user and item as further fields."""
        blocks: tuple[str, ...] | None = None
        """Profile blocks by name; null takes all, an empty list none."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.blocks = blocks(inputs, params.blocks, "deepfm")
        self.reads = self.blocks.names
        if not (self.blocks.names or params.ids):
            raise InputError("params.yaml: rating.models.deepfm: neither blocks nor ids; name a block or set ids: true")
        self.dim = dim = params.embedding_dim
        width = self.blocks.width
        self.linear = nn.Linear(width, 1, bias=False) if width else None
        self.vectors = NumericVectors(width, dim) if width else None
        self.ids = Ids(inputs, dim) if params.ids else None
        self.mlp = MLP(width + 2 * dim * params.ids, params.hidden_dims, 1, dropout=params.dropout,
                       batch_norm=params.batch_norm)
        self.scale = Scale(inputs)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) ratings."""
        x = self.blocks(batch)  # (B, W)
        fields = x.new_zeros(len(batch), 0, self.dim)  # (B, 0 or 2, D)
        if self.ids is not None:
            fields = torch.stack([self.ids.user(batch), self.ids.item(batch)], 1)
        z = self.mlp(torch.cat([x, fields.flatten(1)], 1)).squeeze(1)
        z = z + pairs(fields, x, None if self.vectors is None else self.vectors.weight)
        if self.linear is not None:
            z = z + self.linear(x).squeeze(1)
        return self.scale(z if self.ids is None else z + self.ids.linear(batch))
