"""Pairwise margin loss (Herbrich et al., 1999): whoever has the higher grade shall score higher by a margin."""

from torch import Tensor
from torch.nn import functional as F

from rankpipe.losses.slates import better, differences, mean_over_pairs


def pairwise(scores: Tensor, grades: Tensor, offsets: Tensor, margin: float = 0.1) -> Tensor:
    """Sum over queries of the mean over its pairs g_i > g_j of max(0, margin − (z_i − z_j)).

    Prefer another where grades differ by more than a step: a pair (3, 0) weighs as much as a pair (1, 0), and pairs at
    the bottom of a slate as much as those at its top.

    Args:
        scores: (m,) of all slates, end to end.
        grades: (m,)
        offsets: (Q + 1,) int64, starting at 0: slate q is ``[offsets[q], offsets[q + 1])``.
        margin: above 0, in units of a score.
    """
    return mean_over_pairs(F.relu(margin - differences(scores, offsets)), better(grades, offsets))
