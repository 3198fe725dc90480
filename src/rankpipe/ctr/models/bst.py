"""Behaviour Sequence Transformer (Chen et al., DLP-KDD 2019): transformer over [history; target] → MLP → logit.

Several fields of an item are concatenated, a position vector is added to each token, and every token sees every other.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs, SequenceInputs
from rankpipe.ctr.models.fields import Fields
from rankpipe.data.ragged import Batch, Ragged
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import FieldMLP
from rankpipe.nn.positions import Intervals, Order
from rankpipe.nn.segments import join, segment_mean, segment_sum, unpad
from rankpipe.nn.transformer import Norm, TransformerBlock
from rankpipe.params import bounded


class BST(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        blocks: int = bounded(1, low=1)
        heads: int = bounded(4, low=1)
        feed_forward: int = bounded(4, low=1)
        """Width of the feed-forward net, in multiples of a token's width."""
        norm: Norm = "post"
        pooling: Literal["target", "mean", "sum", "concat"] = "target"
        """``target``: the state of the target, whose last block then costs L instead of L². ``concat``: all states side
        by side, as in the paper, max_len + 1 vectors into the MLP."""
        positions: bool = True
        intervals: bool = True
        """Adds a vector for the time to the target, where there are timestamps."""
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        activation: Literal["leaky_relu", "relu", "gelu"] = "leaky_relu"
        """Of the feed-forward net and the MLP."""
        dropout: float = bounded(0.1, low=0, below=1)
        """In the transformer, after attention and after the feed-forward net."""
        embedding_dropout: float = bounded(0.0, low=0, below=1)
        """On tokens."""
        mlp_dropout: float = bounded(0.0, low=0, below=1)
        batch_norm: bool = False

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        dim = params.embedding_dim
        self.fields = Fields(inputs, dim, "tokens")
        self.groups = self.fields.targeted_groups("bst")
        self.encoders = nn.ModuleList(Encoder(inputs.sequences[g], params) for g in self.groups)
        width = self.fields.count * dim + sum(e.output_dim for e in self.encoders)
        self.mlp = FieldMLP(width, len(inputs.numeric), dim, params.hidden_dims, activations=params.activation,
                            dropout=params.mlp_dropout, batch_norm=params.batch_norm)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        parts = [self.fields.vectors(batch).flatten(1)]
        for group, encoder in zip(self.groups, self.encoders, strict=True):
            history, target = self.fields.history(batch, group), self.fields.target(batch, group)
            parts.append(encoder(history.flatten(1), target.flatten(1), batch.sequences[group]))
        return self.mlp(torch.cat(parts, 1), batch.numeric, self.fields.weight()).squeeze(1)


class Encoder(nn.Module):
    """One group's history and target as one vector."""

    def __init__(self, inputs: SequenceInputs, params: BST.Params):
        super().__init__()
        self.pooling, self.max_len = params.pooling, inputs.max_len
        width = len(inputs.fields) * params.embedding_dim
        self.order = Order(inputs.max_len, width) if params.positions else None
        self.intervals = Intervals(width) if params.intervals and inputs.timestamps else None
        self.dropout = nn.Dropout(params.embedding_dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(width, params.heads, params.feed_forward * width, params.dropout, params.norm,
                             params.activation) for _ in range(params.blocks))
        self.norm = nn.LayerNorm(width) if params.norm == "pre" else nn.Identity()
        self.output_dim = width * (inputs.max_len + 1 if params.pooling == "concat" else 1)

    def forward(self, history: Tensor, target: Tensor, ragged: Ragged) -> Tensor:
        """(T, W), (B, W) → (B, output_dim)."""
        lengths = ragged.lengths
        x = join(history, target, lengths)  # (B, L, W)
        if self.order is not None:
            x = x + self.order(lengths, x.shape[1])
        if self.intervals is not None:
            x = x + self.intervals(join(self.intervals.buckets(ragged.ages), torch.zeros_like(lengths), lengths))
        x = self.dropout(x)
        mask = torch.arange(x.shape[1], device=x.device) <= lengths[:, None]
        for block in self.blocks[:-1]:
            x = block(x, mask)
        if self.pooling == "target":
            return self.norm(self.blocks[-1](x, mask, lengths)).squeeze(1)
        states = unpad(self.norm(self.blocks[-1](x, mask)), lengths + 1)  # (T + B, W)
        if self.pooling == "concat":
            return self.concat(states, lengths)
        return (segment_mean if self.pooling == "mean" else segment_sum)(states, lengths + 1)

    def concat(self, states: Tensor, lengths: Tensor) -> Tensor:
        """(T + B, W) → (B, (max_len + 1) · W): the newest first, zeros behind a short history."""
        width = self.max_len + 1
        rows = torch.arange(len(lengths), device=lengths.device)
        ends = (lengths + 1).cumsum(0).repeat_interleave(lengths + 1)
        place = ends - 1 - torch.arange(len(states), device=lengths.device)
        place = place + (rows * width).repeat_interleave(lengths + 1)
        grid = states.new_zeros(len(lengths) * width, states.shape[1]).index_copy(0, place, states)
        return grid.view(len(lengths), width * states.shape[1])
