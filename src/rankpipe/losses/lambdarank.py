"""LambdaRank (Burges et al., NIPS 2006; as a loss: Wang et al., CIKM 2018): RankNet weighted by what a swap costs."""

import torch
from torch import Tensor
from torch.nn import functional as F

from rankpipe.losses.slates import better, differences, gains, grid, held


def lambdarank(scores: Tensor, grades: Tensor, offsets: Tensor) -> Tensor:
    """Sum over queries and pairs g_i > g_j of |ΔnDCG| ln(1 + e^−(z_i − z_j)).

    |ΔnDCG| = |gain_i − gain_j| · |1/log₂(1 + r_i) − 1/log₂(1 + r_j)| / ideal DCG, with gain 2^g − 1 and r the places,
    from 1, in the order of the present scores; it is a weight, no gradient runs through it.

    Args:
        scores: (m,) of all slates, end to end.
        grades: (m,)
        offsets: (Q + 1,) int64, starting at 0: slate q is ``[offsets[q], offsets[q + 1])``.
    """
    with torch.no_grad():
        there = held(offsets)
        gain = torch.where(there, gains(grid(grades, offsets)), 0.0)
        discounts = 1 / torch.log2(torch.arange(2, gain.shape[1] + 2, device=gain.device, dtype=torch.float32))
        z = grid(scores.float(), offsets).masked_fill(~there, float("-inf"))
        places = z.argsort(dim=1, descending=True, stable=True).argsort(dim=1)
        ideal = (gain.sort(1, descending=True).values * discounts).sum(1).clamp_min(1e-9)
        discount = discounts[places]
        cost = (gain[:, :, None] - gain[:, None, :]).abs() * (discount[:, :, None] - discount[:, None, :]).abs()
        weight = torch.where(better(grades, offsets), cost / ideal[:, None, None], 0.0)
    return (weight * F.softplus(-differences(scores, offsets))).sum()
