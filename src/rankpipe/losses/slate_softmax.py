"""Softmax cross-entropy over a slate (ListNet's top-one loss, Cao et al., ICML 2007, with gains for its target)."""

import torch
from torch import Tensor

from rankpipe.losses.slates import gains, grid, held


def slate_softmax(scores: Tensor, grades: Tensor, offsets: Tensor) -> Tensor:
    """Sum over queries of −Σ_i p_i ln(e^z_i / Σ_j e^z_j), p_i = (2^g_i − 1) / Σ_j (2^g_j − 1), less the entropy of p.

    So the loss is a divergence, 0 at the best. A slate without any gain adds nothing. With binary grades it bounds
    nDCG (Bruch et al., ICTIR 2019), and it sees the whole slate at once, where pairs are many and noisy.

    Args:
        scores: (m,) of all slates, end to end.
        grades: (m,)
        offsets: (Q + 1,) int64, starting at 0: slate q is ``[offsets[q], offsets[q + 1])``.
    """
    there = held(offsets)
    gain = torch.where(there, gains(grid(grades, offsets)), 0.0)
    target = gain / gain.sum(1, keepdim=True).clamp_min(1e-9)
    # Not −inf, which times a target of zero is no number.
    log_share = torch.log_softmax(grid(scores.float(), offsets).masked_fill(~there, -1e9), 1)
    return (torch.xlogy(target, target) - target * torch.where(there, log_share, 0.0)).sum()
