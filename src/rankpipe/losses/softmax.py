"""Softmax over items: over all of them, or over one's own negatives. Prefer all where a block of scores fits."""

import torch
from torch import Tensor

from rankpipe.losses.weighting import weighted


def softmax(scores: Tensor, rows: Tensor, items: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over rows t of −ln(e^z_t / Σ_i e^z_i), the sum in the ratio over all items of the user (the multinomial
    likelihood of Liang et al., WWW 2018).

    Args:
        scores: (B, I) of B users and all items.
        rows, items: (T,) where in ``scores`` what was taken stands.
        weights: (T,) of the rows; None: 1.
    """
    whole = torch.log_softmax(scores.float(), 1)
    return weighted(-whole.flatten().gather(0, rows * scores.shape[1] + items), weights)


def sampled_softmax(positive: Tensor, negatives: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over rows of −ln(e^z⁺ / (e^z⁺ + Σ_n e^z⁻_n)) (Jean et al., ACL 2015, without their correction for the
    sampler: with negatives drawn by popularity the scores are those above popularity).

    Args:
        positive: (T,) scores of what the user took.
        negatives: (T, N) scores of what the user did not.
        weights: (T,) of the rows; None: 1.
    """
    candidates = torch.cat([positive.float()[:, None], negatives.float()], 1)
    return weighted(torch.logsumexp(candidates, 1) - candidates[:, 0], weights)
