"""Bayesian personalised ranking (Rendle et al., UAI 2009). Needs scored pairs of what was taken and what was not."""

from torch import Tensor
from torch.nn import functional as F

from rankpipe.losses.weighting import weighted


def bpr(positive: Tensor, negatives: Tensor, weights: Tensor | None = None) -> Tensor:
    """Sum over rows of −ln σ(z⁺ − z⁻), averaged over the N negatives of a row.

    A sum, not a mean: a batch may be spread over processes, and each knows only its own share of it. As softplus(z⁻ −
    z⁺) it stays finite for any difference, and its gradient raises z⁺ and lowers z⁻.

    Args:
        positive: (T,) scores of what the user took.
        negatives: (T, N) scores of what the user did not, N ≥ 1.
        weights: (T,) of the rows; None: 1.
    """
    return weighted(F.softplus(negatives.float() - positive.float()[:, None]).mean(1), weights)
