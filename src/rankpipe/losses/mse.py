"""Squared error of a number per row, such as a rating."""

from torch import Tensor
from torch.nn import functional as F


def mse(predicted: Tensor, ratings: Tensor) -> Tensor:
    """Sum over rows of (r̂ − r)².

    A sum, not a mean: a batch may be spread over processes, and each knows only its own share of it.

    Args:
        predicted: (B,)
        ratings: (B,)
    """
    return F.mse_loss(predicted.float(), ratings, reduction="sum")
