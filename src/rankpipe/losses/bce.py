"""Binary cross-entropy on logits. Needs one logit and one label in {0, 1} a row."""

import torch
from torch import Tensor
from torch.nn import functional as F


def bce(logits: Tensor, labels: Tensor, positive_weight: float = 1.0) -> Tensor:
    """Sum over rows of −w·y·ln σ(z) − (1 − y)·ln(1 − σ(z)).

    A sum, not a mean: a batch may be spread over processes, and each knows only its own share of it.

    Args:
        logits: (B,)
        labels: (B,) in {0, 1}
        positive_weight: w; above 1 where clicks are rare. It moves the probabilities, which are then no click rates.
    """
    weight = None if positive_weight == 1.0 else torch.tensor(positive_weight, device=logits.device)
    return F.binary_cross_entropy_with_logits(logits.float(), labels, pos_weight=weight, reduction="sum")
