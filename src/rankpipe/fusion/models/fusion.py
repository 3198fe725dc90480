"""The query asks, image, text and attributes answer: z = MLP(LayerNorm(q + a + p + Σ …)).

Query and modalities are projected to one width; multi-head attention (Vaswani et al., 2017) with the query as its
question and the modalities as keys and values gives the answer a, from which missing modalities are masked. With
``product`` the answer is also multiplied by the query, q ⊙ a, low-rank bilinear pooling (Kim et al., ICLR 2017): a sum
alone says what a candidate is and what was asked for, but not whether the two agree. With ``features`` the pair's
named features join as one more projection p.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.errors import InputError
from rankpipe.fusion.inputs import MODALITIES, Batch, Inputs
from rankpipe.fusion.models.scaling import Standard, chosen
from rankpipe.fusion.objective import Ranking
from rankpipe.nn.crossattention import CrossAttention
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import MLP
from rankpipe.nn.segments import spread
from rankpipe.params import bounded


class Fusion(nn.Module):
    @dataclass(frozen=True)
    class Params(Ranking):
        loss: str = bounded("pairwise", choices=("pairwise", "ranknet", "listmle", "lambdarank", "softmax"))
        members: int = bounded(1, low=1, high=1)
        dim: int = bounded(512, low=1)
        heads: int = bounded(8, low=1)
        head_dims: tuple[int, ...] = bounded((256,), low=1)
        """Hidden layers of the head."""
        dropout: float = bounded(0.1, low=0, below=1)
        """In the head and of the vectors."""
        modality_dropout: float = bounded(0.0, low=0, below=1)
        """Share of the modalities that training hides, for each candidate anew."""
        product: bool = True
        features: tuple[str, ...] | None = None
        """Of the pair, by name; null takes all, an empty list none."""

        def __post_init__(self) -> None:
            if self.dim % self.heads:
                raise ValueError(f"dim {self.dim} is no multiple of heads {self.heads}")

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        if not inputs.query:
            raise InputError("params.yaml: fusion.models.fusion: the data hold features alone, where this model reads "
                             "vectors; take ltr or lambdamart")
        self.params = params
        self.query = nn.Linear(inputs.query, params.dim)
        self.project = nn.ModuleDict({name: nn.Linear(max(width, 1), params.dim) for name, width in
                                      inputs.widths.items()})
        self.attention = CrossAttention(params.dim, params.heads)
        self.at = chosen(inputs, params.features, "fusion") if params.features != () else []
        self.scale = Standard(len(self.at))
        self.pair = nn.Linear(len(self.at), params.dim) if self.at else None
        self.norm = nn.LayerNorm(params.dim)
        self.head = MLP(params.dim, params.head_dims, 1, dropout=params.dropout)
        initialise(self)

    def prepare(self, features: np.ndarray, lengths: np.ndarray) -> None:
        """Fits the scaling of the pairs' features (m, F) on train."""
        self.scale.fit(features[:, self.at])

    def shape(self, tensors: dict[str, Tensor]) -> None:
        """The number of weights doesn't depend on the data."""

    def forward(self, batch: Batch) -> Tensor:
        """(m, 1) scores."""
        p, present = self.params, batch.present
        if self.training and p.modality_dropout:
            present = present & (torch.rand_like(present, dtype=torch.float32) >= p.modality_dropout)
        query, answers = self._tokens(batch)
        answer = self.attention(query, answers, batch.lengths, present)
        asked = spread(query, batch.lengths)
        x = asked + answer
        if p.product:
            x = x + asked * answer
        if self.pair is not None:
            x = x + self.pair(self.scale(batch.features[:, self.at]))
        return self.head(self.norm(x))

    def weights_of(self, batch: Batch) -> Tensor:
        """(m, 3) attention that each modality gets, mean over heads; zero where it is missing."""
        query, answers = self._tokens(batch)
        return self.attention.weights(query, answers, batch.lengths, batch.present).mean(1)

    def _tokens(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(B, D) and (m, 3, D)."""
        drop = self.params.dropout
        tokens = []
        for name in MODALITIES:
            x = batch.modality(name)
            x = F.dropout(x, drop, self.training) if x.shape[1] else x.new_zeros(len(x), 1)
            tokens.append(self.project[name](x))
        return self.query(F.dropout(batch.query, drop, self.training)), torch.stack(tokens, 1)
