"""Logistic matrix factorisation's confidence-weighted log-likelihood (Johnson, 2014), on logits."""

from torch import Tensor
from torch.nn import functional as F


def logistic(scores: Tensor, rows: Tensor, items: Tensor, alpha: float = 1.0) -> Tensor:
    """Sum over all B · I pairs of (1 + α r) ln(1 + e^z) − α r z, r = 1 for what was taken and 0 for all else.

    ln(1 + e^z) is softplus, linear for large z, so nothing overflows; no sigmoid is applied before or after.

    Args:
        scores: (B, I) of B users and all items.
        rows, items: (T,) where in ``scores`` what was taken stands.
        alpha: α > 0, the weight of what was taken against that of what was not.
    """
    scores = scores.float()
    taken = scores.flatten().gather(0, rows * scores.shape[1] + items)
    return F.softplus(scores).sum() + alpha * F.softplus(-taken).sum()


def sampled_logistic(positive: Tensor, negatives: Tensor, alpha: float = 1.0) -> Tensor:
    """The same over drawn negatives only: (1 + α) ln(1 + e^z⁺) − α z⁺ for a row, ln(1 + e^z⁻) for each negative.

    Args:
        positive: (T,) logits of what the user took.
        negatives: (T, N) logits of what the user did not.
    """
    positive = positive.float()
    return (F.softplus(positive) + alpha * F.softplus(-positive)).sum() + F.softplus(negatives.float()).sum()
