"""Factorisation machine scored as a probability: p(u takes i) = σ(z), z = b + Σ_f w_f + Σ_{f<g} ⟨v_f, v_g⟩ over the
fields of user and item, fitted by the logistic likelihood of :mod:`rankpipe.losses.logistic` on the logit z.

The module gives z, never σ(z): the loss works on logits, and a probability is one sigmoid of what is scored.
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
from rankpipe.topk.objective import Logistic


class LFM(nn.Module):
    @dataclass(frozen=True)
    class Params(Logistic, Repeated):
        embedding_dim: int = bounded(64, low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """Of the users' summed vectors."""
        init_std: float = bounded(0.1, above=0)

    neural = separable = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.users = Side(inputs.n_users, inputs.user_fields, params.embedding_dim)
        self.items = Side(inputs.n_items, inputs.item_fields, params.embedding_dim)
        self.bias = nn.Parameter(torch.zeros(()))
        self.dropout = params.dropout
        for side in (self.users, self.items):
            side.reset(params.init_std)

    def forward(self, batch: Batch) -> Tensor:
        """(B, I) logits."""
        users, user_bias = self._side(self.users, batch.users)
        items, item_bias = self._side(self.items, None)
        users = F.dropout(users, self.dropout, self.training)
        return torch.addmm(item_bias, users, items.T) + (user_bias + self.bias)[:, None]

    @staticmethod
    def _side(side: Side, index: Tensor | None) -> tuple[Tensor, Tensor]:
        vectors, linear = side(index)
        total, pairs = summed(vectors)
        return total, linear + pairs

    def user_ids(self) -> list[Tensor]:
        """Tables (U, d) of vectors that only a user's own rows train."""
        return [self.users.ids()]

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """(U, d + 1), (I, d + 1), (I,): the last column carries the user's part, so that the product is the logit."""
        users, user_bias = self._side(self.users, None)
        items, item_bias = self._side(self.items, None)
        return (torch.cat([users, (user_bias + self.bias)[:, None]], 1),
                torch.cat([items, torch.ones_like(item_bias)[:, None]], 1), item_bias)
