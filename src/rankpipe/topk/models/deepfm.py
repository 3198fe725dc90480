"""DeepFM (Guo et al., IJCAI 2017) over ids and multi-hot fields of both sides: z = FM(user, item) + MLP(all vectors).

The MLP's first layer splits by sides, W[u, i] = W_u u + W_i i: each side is multiplied once, not once a pair, and no
table of pairs is stored.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.nn.mlp import MLP, after_linear
from rankpipe.params import bounded
from rankpipe.topk.batches import Batch
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.sides import Side, summed
from rankpipe.topk.objective import Ranking

BLOCK_UNITS = 1 << 22
"""Hidden units held at once when blocks are scored, 16 MB."""


class DeepFM(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking):
        negatives: int = bounded(4, low=1)
        valid_users: int | None = bounded(2000, low=1)
        """Users of valid, evenly spread, who are scored between epochs; null: all."""
        embedding_dim: int = bounded(16, low=1)
        hidden_dims: tuple[int, ...] = bounded((64, 32), low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """Behind each hidden layer."""
        init_std: float = bounded(0.05, above=0)

        def __post_init__(self) -> None:
            super().__post_init__()
            if not self.hidden_dims:
                raise ValueError("hidden_dims is empty; name a layer, or use fm")

    neural, separable = True, False

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        dim, (first, *rest) = params.embedding_dim, params.hidden_dims
        self.users = Side(inputs.n_users, inputs.user_fields, dim, weights=False)
        self.items = Side(inputs.n_items, inputs.item_fields, dim)
        for side in (self.users, self.items):
            side.reset(params.init_std)
        self.on_users = nn.Linear(self.users.fields * dim, first)
        self.on_items = nn.Linear(self.items.fields * dim, first, bias=False)
        self.rest = nn.Sequential(*after_linear(first, "relu", params.dropout, False),
                                  MLP(first, tuple(rest), 1, "relu", params.dropout))
        for layer in self.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_normal_(layer.weight)
        self.width = first

    def forward(self, batch: Batch) -> Tensor:
        """(T, 1 + N) scores of what was taken and of its negatives."""
        items, places = torch.unique(torch.cat([batch.items[:, None], batch.negatives], 1), return_inverse=True)
        user_sum, user_hidden = self._users(batch.users)
        item_sum, item_hidden, bias = self._items(items)
        wide = (F.embedding(batch.rows, user_sum)[:, None] * F.embedding(places, item_sum)).sum(2)
        hidden = F.embedding(batch.rows, user_hidden)[:, None] + F.embedding(places, item_hidden)  # (T, 1 + N, H)
        return wide + F.embedding(places, bias[:, None]).squeeze(2) + self.rest(hidden).squeeze(2)

    def user_ids(self) -> list[Tensor]:
        """Tables (U, d) of vectors that only a user's own rows train."""
        return [self.users.ids()]

    def block(self, users: Tensor) -> Tensor:
        """(B,) → (B, I) scores."""
        item_sum, item_hidden, bias = self._items(None)
        step = max(BLOCK_UNITS // (len(bias) * self.width), 1)
        return torch.cat([self._block(part, item_sum, item_hidden, bias) for part in users.split(step)])

    def _block(self, users: Tensor, item_sum: Tensor, item_hidden: Tensor, bias: Tensor) -> Tensor:
        user_sum, user_hidden = self._users(users)
        return torch.addmm(bias, user_sum, item_sum.T) + self.rest(user_hidden[:, None] + item_hidden).squeeze(2)

    def _users(self, index: Tensor) -> tuple[Tensor, Tensor]:
        vectors, _ = self.users(index)
        return vectors.sum(0), self.on_users(vectors.movedim(0, 1).flatten(1))

    def _items(self, index: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        vectors, linear = self.items(index)
        total, pairs = summed(vectors)
        return total, self.on_items(vectors.movedim(0, 1).flatten(1)), linear + pairs
