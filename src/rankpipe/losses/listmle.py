"""ListMLE (Xia et al., ICML 2008): the likelihood of the ideal order under the model of Plackett and Luce."""

import torch
from torch import Tensor

from rankpipe.losses.slates import grid, held


def listmle(scores: Tensor, grades: Tensor, offsets: Tensor) -> Tensor:
    """Sum over queries of the mean over its candidates i of ln Σ_{j: g_j ≤ g_i} e^z_j − z_i.

    The ideal order isn't unique where grades are equal; equals stand in each other's sum (Breslow, 1974), which needs
    no draw among them. Candidates of the lowest grade, below which nothing is, add nothing: nothing was chosen there.

    Args:
        scores: (m,) of all slates, end to end.
        grades: (m,)
        offsets: (Q + 1,) int64, starting at 0: slate q is ``[offsets[q], offsets[q + 1])``.
    """
    there, z, g = held(offsets), grid(scores.float(), offsets), grid(grades, offsets, float("inf"))
    if not z.numel():
        return scores.sum()
    chosen = there & (g > g.amin(1, keepdim=True))
    among = (g[:, None, :] <= g[:, :, None]) & there[:, None, :] | ~there[:, :, None]
    total = torch.logsumexp(z[:, None, :].masked_fill(~among, float("-inf")), 2)
    return (torch.where(chosen, total - z, 0.0).sum(1) / there.sum(1).clamp_min(1)).sum()
