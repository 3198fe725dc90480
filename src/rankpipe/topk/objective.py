"""What a model is trained towards: ranking losses and the logistic one, over all items or over drawn negatives.

Each is a frozen base for a model's ``Params``, so that the names stand in the model's own block of params.yaml.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from rankpipe.losses.bpr import bpr
from rankpipe.losses.logistic import logistic, sampled_logistic
from rankpipe.losses.softmax import sampled_softmax, softmax
from rankpipe.params import bounded
from rankpipe.topk.batches import Batch


@dataclass(frozen=True)
class Drawn:
    """How negatives are drawn."""

    negatives: int = bounded(0, low=0)
    """For each row, drawn anew in every batch; 0 weighs each row against all items."""
    popularity: float = bounded(0.0, low=0, high=4)
    """β of the chance n_i^β to be drawn; 0 is uniform."""


@dataclass(frozen=True)
class Ranking(Drawn):
    """BPR or softmax: only differences between a user's scores count."""

    loss: Literal["softmax", "bpr"] = "softmax"
    user_weight: float = bounded(0.0, low=0, high=1)
    """w: a row of a user of n rows weighs n^−w, times what makes the mean row weigh 1. 0: every row counts alike, 1:
    every user does."""

    def __post_init__(self) -> None:
        if self.loss == "bpr" and not self.negatives:
            raise ValueError("bpr compares with drawn negatives; set negatives to 1 or more, or loss: softmax")

    def over_all(self, scores: Tensor, batch: Batch) -> Tensor:
        """Sum over T rows, of scores (B, I)."""
        return softmax(scores, batch.rows, batch.items, batch.weights)

    def over_drawn(self, positive: Tensor, negatives: Tensor, batch: Batch) -> Tensor:
        """Sum over T rows, of scores (T,) and (T, N)."""
        return (bpr if self.loss == "bpr" else sampled_softmax)(positive, negatives, batch.weights)


@dataclass(frozen=True)
class Logistic(Drawn):
    """The score is the logit of a probability."""

    alpha: float = bounded(1.0, above=0)
    """Weight of what was taken against that of what was not."""

    def over_all(self, scores: Tensor, batch: Batch) -> Tensor:
        return logistic(scores, batch.rows, batch.items, self.alpha)

    def over_drawn(self, positive: Tensor, negatives: Tensor, batch: Batch) -> Tensor:
        return sampled_logistic(positive, negatives, self.alpha)


def summed(objective: Ranking | Logistic, scores: Tensor | list[Tensor], batch: Batch, separable: bool) -> Tensor:
    """The loss of a batch, summed over its rows.

    Args:
        scores: what the model gives: of a separable one (B, I), the batch's users and all items; else (T, 1 + N), what
            was taken and its negatives. Of a list each has a loss of its own, and the sum is returned.
    """
    if isinstance(scores, list):
        return torch.stack([summed(objective, each, batch, separable) for each in scores]).sum()
    if batch.negatives is None:
        return objective.over_all(scores, batch)
    if not separable:
        return objective.over_drawn(scores[:, 0], scores[:, 1:], batch)
    flat, starts = scores.flatten(), batch.rows * scores.shape[1]
    negatives = flat.gather(0, (starts[:, None] + batch.negatives).flatten())
    return objective.over_drawn(flat.gather(0, starts + batch.items), negatives.view(batch.negatives.shape), batch)
