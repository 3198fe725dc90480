"""Logistic regression (McMahan et al., KDD 2013): logit = b + Σ_c w_c[i_c] + Σ_n w_n x_n."""

from dataclasses import dataclass

from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import FirstOrder, History
from rankpipe.data.ragged import Batch
from rankpipe.nn.initialisation import initialise


class LR(nn.Module):
    @dataclass(frozen=True)
    class Params:
        history: History = "none"
        """``mean`` adds the mean weight of each sequence field's items."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.linear = FirstOrder(inputs, params.history)
        initialise(self, embedding_std=1e-4)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        return self.linear(batch)
