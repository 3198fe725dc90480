"""Logistic matrix factorisation (Johnson, 2014): p(u takes i) = σ(⟨p_u, q_i⟩ + b_u + b_i), fitted by
Σ α r z − (1 + α r) ln(1 + e^z) over all pairs."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.params import bounded
from rankpipe.topk.batches import Batch
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.members import Repeated
from rankpipe.topk.objective import Logistic


class LMF(nn.Module):
    @dataclass(frozen=True)
    class Params(Logistic, Repeated):
        embedding_dim: int = bounded(64, low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """Of the users' vectors."""
        init_std: float = bounded(0.1, above=0)

    neural = separable = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.users = nn.Embedding(inputs.n_users, params.embedding_dim)
        self.items = nn.Embedding(inputs.n_items, params.embedding_dim)
        self.user_bias = nn.Parameter(torch.zeros(inputs.n_users))
        self.item_bias = nn.Parameter(torch.zeros(inputs.n_items))
        self.dropout = params.dropout
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=params.init_std)

    def forward(self, batch: Batch) -> Tensor:
        """(B, I) logits."""
        users = F.dropout(self.users(batch.users), self.dropout, self.training)
        products = torch.addmm(self.item_bias, users, self.items.weight.T)
        return products + self.user_bias[batch.users, None]

    def user_ids(self) -> list[Tensor]:
        """Tables (U, d) of vectors that only a user's own rows train."""
        return [self.users.weight]

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """(U, d + 1), (I, d + 1), (I,): the last column carries b_u, so that the product is the whole logit."""
        users = torch.cat([self.users.weight, self.user_bias[:, None]], 1)
        items = torch.cat([self.items.weight, torch.ones_like(self.item_bias)[:, None]], 1)
        return users, items, self.item_bias
