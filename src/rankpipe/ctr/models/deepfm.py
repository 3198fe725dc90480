"""DeepFM (Guo et al., IJCAI 2017): logit = FM(e) + MLP([e_1, …, e_F]), both over the same embeddings."""

from dataclasses import dataclass

from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import Fields, FirstOrder, History
from rankpipe.data.ragged import Batch
from rankpipe.nn.cross import pairs
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import FieldMLP
from rankpipe.params import bounded


class DeepFM(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        dropout: float = bounded(0.0, low=0, below=1)
        """In the MLP, after each activation."""
        batch_norm: bool = False
        history: History = "none"
        """``mean`` adds each sequence field's mean vector as a field."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.linear = FirstOrder(inputs, params.history)
        self.fields = Fields(inputs, params.embedding_dim, params.history)
        self.mlp = FieldMLP(self.fields.count * params.embedding_dim, len(inputs.numeric), params.embedding_dim,
                            params.hidden_dims, dropout=params.dropout, batch_norm=params.batch_norm)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        vectors, weight = self.fields.vectors(batch), self.fields.weight()  # (B, C, D), (N, D)
        deep = self.mlp(vectors.flatten(1), batch.numeric, weight).squeeze(1)
        return self.linear(batch) + pairs(vectors, batch.numeric, weight) + deep
