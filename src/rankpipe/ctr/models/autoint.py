"""AutoInt (Song et al., CIKM 2019): h ← ReLU(MultiHead(h) + W_res h) over fields, logit = wᵀ[h_1, …, h_F] + b.

With ``hidden_dims`` an MLP over the embeddings is added to the logit (AutoInt+).
"""

from dataclasses import dataclass

from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import Fields, History
from rankpipe.data.ragged import Batch
from rankpipe.nn.attention import FieldAttention
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import FieldMLP
from rankpipe.params import bounded


class AutoInt(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        layers: int = bounded(2, low=1)
        heads: int = bounded(2, low=1)
        attention_dim: int = bounded(32, low=1)
        """Width of a field after an interacting layer, all heads together; rounded up to a multiple of heads."""
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        """Empty: plain AutoInt."""
        dropout: float = bounded(0.0, low=0, below=1)
        """In the MLP, after each activation."""
        batch_norm: bool = False
        history: History = "none"
        """``mean`` adds each sequence field's mean vector as a field."""

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        dim = params.embedding_dim
        self.fields = Fields(inputs, dim, params.history)
        layers: list[FieldAttention] = []
        for _ in range(params.layers):
            layers.append(FieldAttention(layers[-1].inner if layers else dim, params.heads, params.attention_dim))
        self.interaction = nn.Sequential(*layers)
        self.output = nn.Linear((self.fields.count + len(inputs.numeric)) * layers[-1].inner, 1)
        self.mlp = None
        if params.hidden_dims:
            self.mlp = FieldMLP(self.fields.count * dim, len(inputs.numeric), dim, params.hidden_dims,
                                dropout=params.dropout, batch_norm=params.batch_norm)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        x = self.fields.all(batch)  # (B, F, D)
        logits = self.output(self.interaction(x).flatten(1))
        if self.mlp is not None:
            dense = x[:, :self.fields.count].flatten(1)
            logits = logits + self.mlp(dense, batch.numeric, self.fields.weight())
        return logits.squeeze(1)
