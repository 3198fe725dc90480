"""Matrix factorisation (Koren et al., 2009): z_ui = ⟨p_u, q_i⟩ + b_i.

The usual b_u isn't there: BPR and softmax look at differences between the scores of one user, in which it cancels, as
it does in the order of the items. :mod:`rankpipe.topk.models.lmf`, whose score is a probability's logit, has it.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.params import bounded
from rankpipe.topk.batches import Batch
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.models.members import Repeated
from rankpipe.topk.objective import Ranking


class MF(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking, Repeated):
        embedding_dim: int = bounded(64, low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """Of the users' vectors."""
        init_std: float = bounded(0.1, above=0)

    neural = separable = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.users = nn.Embedding(inputs.n_users, params.embedding_dim)
        self.items = nn.Embedding(inputs.n_items, params.embedding_dim)
        self.item_bias = nn.Parameter(torch.zeros(inputs.n_items))
        self.dropout = params.dropout
        for table in (self.users, self.items):
            nn.init.normal_(table.weight, std=params.init_std)

    def forward(self, batch: Batch) -> Tensor:
        """(B, I) scores."""
        users = F.dropout(self.users(batch.users), self.dropout, self.training)
        return torch.addmm(self.item_bias, users, self.items.weight.T)

    def user_ids(self) -> list[Tensor]:
        """Tables (U, d) of vectors that only a user's own rows train."""
        return [self.users.weight]

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """(U, d), (I, d), (I,)."""
        return self.users.weight, self.items.weight, self.item_bias
