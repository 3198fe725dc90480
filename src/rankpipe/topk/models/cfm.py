"""Convolutional factorisation machine (Xin et al., IJCAI 2019): z = Σ w + hᵀ CNN(cube), the cube being the outer
products v_f v_gᵀ of all F(F − 1)/2 pairs of fields, stacked.

Each layer halves the D × D plane by 2 × 2 kernels with stride 2 and takes several neighbours along the stack, so that
log₂ D layers end in one number a channel; a ReLU stands behind each. Multi-hot fields are pooled by attention. An
experiment: independent studies found the published gain to come from how it was trained, not from the convolutions.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.nn.segments import segment_softmax, segment_sum
from rankpipe.params import bounded
from rankpipe.topk.batches import Batch
from rankpipe.topk.fields import Field
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.sides import Side
from rankpipe.topk.objective import Ranking

BLOCK_NUMBERS = 1 << 22
"""Numbers of the cubes held at once when blocks are scored, 16 MB."""


class CFM(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking):
        loss: Literal["softmax", "bpr"] = "bpr"
        negatives: int = bounded(1, low=1)
        valid_users: int | None = bounded(500, low=1)
        """Users of valid, evenly spread, who are scored between epochs; null: all."""
        embedding_dim: int = bounded(8, low=2)
        channels: int = bounded(8, low=1)
        attention_dim: int = bounded(16, low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """Of what the last layer gives."""
        init_std: float = bounded(0.3, above=0)

        def __post_init__(self) -> None:
            super().__post_init__()
            if self.embedding_dim & (self.embedding_dim - 1):
                raise ValueError(f"embedding_dim is {self.embedding_dim}; halved by every layer, it must be a power of "
                                 "2")

    neural, separable = True, False

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        dim, channels = params.embedding_dim, params.channels
        self.users = AttentiveSide(inputs.n_users, inputs.user_fields, dim, params.attention_dim, weights=False)
        self.items = AttentiveSide(inputs.n_items, inputs.item_fields, dim, params.attention_dim)
        for side in (self.users, self.items):
            side.reset(params.init_std)
        self.first, self.second = torch.triu_indices(*[self.users.fields + self.items.fields] * 2, offset=1)
        layers: list[nn.Module] = []
        for i, depth in enumerate(depths(len(self.first), dim.bit_length() - 1)):
            layers += [nn.Conv3d(channels if i else 1, channels, (depth, 2, 2), (1, 2, 2)), nn.ReLU()]
        self.convolutions = nn.Sequential(*layers)
        self.out = nn.Sequential(nn.Dropout(params.dropout), nn.Linear(channels, 1, bias=False))
        self.numbers = len(self.first) * dim * dim * channels // 2

    def forward(self, batch: Batch) -> Tensor:
        """(T, 1 + N) scores of what was taken and of its negatives."""
        items, places = torch.unique(torch.cat([batch.items[:, None], batch.negatives], 1), return_inverse=True)
        rows = batch.rows[:, None].expand_as(places)
        users, _ = self.users(batch.users)
        return self._pairs(users, *self.items(items), rows.flatten(), places.flatten()).view(places.shape)

    def user_ids(self) -> list[Tensor]:
        """Tables (U, d) of vectors that only a user's own rows train."""
        return [self.users.ids()]

    def block(self, users: Tensor) -> Tensor:
        """(B,) → (B, I) scores."""
        user_vectors, _ = self.users(users)
        item_vectors, linear = self.items()
        pairs = torch.arange(len(users) * len(linear), device=users.device)
        parts = [self._pairs(user_vectors, item_vectors, linear, part // len(linear), part % len(linear))
                 for part in pairs.split(max(BLOCK_NUMBERS // self.numbers, 1))]
        return torch.cat(parts).view(len(users), len(linear))

    def _pairs(self, users: Tensor, items: Tensor, linear: Tensor, rows: Tensor, places: Tensor) -> Tensor:
        """Vectors (F, B, D) and (G, M, D), weights (M,), and the places (P,) of each pair in them → (P,) scores."""
        sides = [F.embedding(index, side.movedim(0, 1).flatten(1)) for index, side in ((rows, users), (places, items))]
        vectors = torch.cat(sides, 1).view(len(rows), len(users) + len(items), users.shape[2])
        cube = vectors[:, self.first, :, None] * vectors[:, self.second, None, :]  # (P, pairs, D, D)
        found = self.convolutions(cube[:, None]).flatten(1)
        return F.embedding(places, linear[:, None]).squeeze(1) + self.out(found).squeeze(1)


def depths(pairs: int, layers: int) -> list[int]:
    """Kernel depth of each layer, so that a stack of ``pairs`` shrinks to one: the Σ (depth − 1) = pairs − 1 shrinkings
    are dealt out evenly, what is left over to the first layers."""
    each, left = divmod(pairs - 1, layers)
    return [1 + each + (i < left) for i in range(layers)]


class AttentiveSide(Side):
    """A side whose fields are sums Σ a_k v_k over their active values, a = softmax(hᵀ ReLU(W v + b)); zeros where none
    is active."""

    def __init__(self, rows: int, fields: tuple[Field, ...], dim: int, attention_dim: int, weights: bool = True):
        super().__init__(rows, fields, dim, weights)
        self.attention = nn.Sequential(nn.Linear(dim, attention_dim), nn.ReLU(),
                                       nn.Linear(attention_dim, 1, bias=False))

    def vectors(self, values: Tensor, shares: Tensor, offsets: Tensor | None) -> Tensor:
        found = F.embedding(values, self.table.weight)
        lengths = (self.offsets if offsets is None else offsets).diff().long()
        shares = segment_softmax(self.attention(found).squeeze(1), lengths)
        return segment_sum(shares[:, None] * found, lengths).view(self.fields, -1, found.shape[1])
