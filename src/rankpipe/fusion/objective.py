"""The losses that a net may be trained with, by name, and the parameters that choose one."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from rankpipe.fusion.inputs import Batch
from rankpipe.losses.lambdarank import lambdarank
from rankpipe.losses.listmle import listmle
from rankpipe.losses.pairwise import pairwise
from rankpipe.losses.ranknet import ranknet
from rankpipe.losses.slate_softmax import slate_softmax
from rankpipe.params import bounded

LOSSES = {"pairwise": pairwise, "ranknet": ranknet, "listmle": listmle, "lambdarank": lambdarank,
          "softmax": slate_softmax}


@dataclass(frozen=True)
class Learning:
    """What every model that learns from grades has among its parameters."""

    shuffle_labels: bool = False
    """A control: grades are shuffled within each query of train, and nothing can be learnt but chance."""


@dataclass(frozen=True)
class Ranking(Learning):
    """What every net has among its parameters."""

    loss: Literal["pairwise", "ranknet", "listmle", "lambdarank", "softmax"] = "softmax"
    margin: float = bounded(0.1, above=0)
    """Of the pairwise loss."""
    members: int = bounded(1, low=1)
    """Nets with first values of their own, trained side by side; the model's score is the mean of theirs."""


def objective(params: Ranking) -> Callable[[Tensor, Batch], Tensor]:
    """(scores (m, K) of K members, batch with grades) → sum over slates of the members' mean loss."""
    options = {"margin": params.margin} if params.loss == "pairwise" else {}
    chosen = LOSSES[params.loss]

    def loss(scores: Tensor, batch: Batch) -> Tensor:
        members = scores.shape[1]
        if members == 1:
            return chosen(scores[:, 0], batch.grades, batch.offsets, **options)
        # The members' slates end to end are slates as well.
        starts = torch.arange(members, device=scores.device)[:, None] * len(scores)
        offsets = torch.cat([(batch.offsets[:-1] + starts).flatten(), starts[-1] + batch.offsets[-1:]])
        return chosen(scores.T.flatten(), batch.grades.repeat(members), offsets, **options) / members

    return loss
