"""Factorisation machine (Rendle, ICDM 2010): logit = b + Σ_i w_i x_i + Σ_{i<j} ⟨v_i, v_j⟩ x_i x_j."""

from dataclasses import dataclass

from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import Fields, FirstOrder, History
from rankpipe.data.ragged import Batch
from rankpipe.nn.cross import pairs
from rankpipe.nn.initialisation import initialise
from rankpipe.params import bounded


class FM(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        history: History = "none"
        """``mean`` adds each sequence field's mean vector as a field."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.linear = FirstOrder(inputs, params.history)
        self.fields = Fields(inputs, params.embedding_dim, params.history)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        return self.linear(batch) + pairs(self.fields.vectors(batch), batch.numeric, self.fields.weight())
