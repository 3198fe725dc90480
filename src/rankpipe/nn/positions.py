"""Where and when an item stands before the target, as learned vectors."""

import torch
from torch import Tensor, nn

BUCKETS = 64


class Order(nn.Embedding):
    """A vector for each place counted back from the target: 0 = target, 1 = newest item, … ``max_len`` and older."""

    def __init__(self, max_len: int, dim: int):
        super().__init__(max_len + 1, dim)

    def forward(self, lengths: Tensor, width: int) -> Tensor:
        """History lengths (B,) → (B, width, D) for rows of items with the target behind them; padding gets vector 0."""
        places = lengths[:, None] - torch.arange(width, device=lengths.device)
        return super().forward(places.clamp(0, self.num_embeddings - 1))


class Intervals(nn.Embedding):
    """A vector for the time from an item to the target, in buckets of half an octave; 0 = the target itself."""

    def __init__(self, dim: int):
        super().__init__(BUCKETS + 1, dim)

    def buckets(self, ages: Tensor) -> Tensor:
        """(T,) seconds → (T,) bucket from 1 to 64: 1 + ⌊2 log₂(1 + age)⌋, a negative age counting as 0."""
        return (1 + 2 * torch.log2(1 + ages.clamp_min(0))).long().clamp_max(BUCKETS)
