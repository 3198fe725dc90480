"""What the nets have in common: vectors of the ids, and an output that can't leave the scale of ratings."""

import math

import torch
from torch import Tensor, nn

from rankpipe.rating.inputs import Batch, Inputs


class Ids(nn.Module):
    """A vector and a weight for each user and each item of train. Those that train doesn't hold have zeros: the centre
    of all, to which the penalty draws the others.
    """

    def __init__(self, inputs: Inputs, dim: int):
        super().__init__()
        sizes = {"user": inputs.n_users + 1, "item": inputs.n_items + 1}
        self.vectors = nn.ModuleDict({k: nn.Embedding(n, dim, padding_idx=n - 1) for k, n in sizes.items()})
        self.weights = nn.ModuleDict({k: nn.Embedding(n, 1, padding_idx=n - 1) for k, n in sizes.items()})

    def user(self, batch: Batch) -> Tensor:
        """(B, D)."""
        return self.vectors["user"](batch.users)

    def item(self, batch: Batch) -> Tensor:
        """(B, D)."""
        return self.vectors["item"](batch.items)

    def linear(self, batch: Batch) -> Tensor:
        """(B,)."""
        return (self.weights["user"](batch.users) + self.weights["item"](batch.items)).squeeze(1)


class Scale(nn.Module):
    """low + (high − low)·σ(z), begun at the mean rating of train."""

    def __init__(self, inputs: Inputs):
        super().__init__()
        self.low, self.high = inputs.low, inputs.high
        share = (inputs.mean - inputs.low) / (inputs.high - inputs.low)
        share = min(max(share, 1e-3), 1 - 1e-3)
        self.bias = nn.Parameter(torch.tensor(math.log(share / (1 - share)), dtype=torch.float32))

    def forward(self, z: Tensor) -> Tensor:
        """(B,) → (B,)."""
        # By lerp, so that rounding can't pass the ends.
        return torch.lerp(torch.full_like(z, self.low), torch.full_like(z, self.high), torch.sigmoid(z + self.bias))
