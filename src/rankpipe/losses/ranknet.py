"""RankNet (Burges et al., ICML 2005): the logistic loss of every ordered pair."""

from torch import Tensor
from torch.nn import functional as F

from rankpipe.losses.slates import better, differences, mean_over_pairs


def ranknet(scores: Tensor, grades: Tensor, offsets: Tensor) -> Tensor:
    """Sum over queries of the mean over its pairs g_i > g_j of ln(1 + e^−(z_i − z_j)).

    Args:
        scores: (m,) of all slates, end to end.
        grades: (m,)
        offsets: (Q + 1,) int64, starting at 0: slate q is ``[offsets[q], offsets[q + 1])``.
    """
    return mean_over_pairs(F.softplus(-differences(scores, offsets)), better(grades, offsets))
