"""Factorisation machine (Rendle, ICDM 2010) over ids and multi-hot fields of both sides, ranked:
z = Σ_f w_f + Σ_{f<g} ⟨v_f, v_g⟩, f and g over the fields of user and item.

Split by sides it is an inner product: ⟨Σ_user v, Σ_item v⟩ + what the item's own fields give. What the user's own give
cancels in the differences that BPR and softmax look at; :mod:`rankpipe.topk.models.lfm` has it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.params import bounded
from rankpipe.topk.batches import Batch
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.members import Repeated
from rankpipe.topk.models.sides import Side, summed
from rankpipe.topk.objective import Ranking


class FM(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking, Repeated):
        embedding_dim: int = bounded(64, low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """Of the users' summed vectors."""
        init_std: float = bounded(0.1, above=0)

    neural = separable = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.users = Side(inputs.n_users, inputs.user_fields, params.embedding_dim, weights=False)
        self.items = Side(inputs.n_items, inputs.item_fields, params.embedding_dim)
        self.dropout = params.dropout
        for side in (self.users, self.items):
            side.reset(params.init_std)

    def forward(self, batch: Batch) -> Tensor:
        """(B, I) scores."""
        users = F.dropout(self._users(batch.users), self.dropout, self.training)
        items, bias = self._items()
        return torch.addmm(bias, users, items.T)

    def _users(self, index: Tensor | None) -> Tensor:
        return self.users(index)[0].sum(0)

    def _items(self) -> tuple[Tensor, Tensor]:
        vectors, linear = self.items()
        total, pairs = summed(vectors)
        return total, linear + pairs

    def user_ids(self) -> list[Tensor]:
        """Tables (U, d) of vectors that only a user's own rows train."""
        return [self.users.ids()]

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """(U, d), (I, d), (I,)."""
        return self._users(None), *self._items()
