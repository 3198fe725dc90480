"""FESeq (Appl. Sci. 2024, 14, 2760): fields interact inside each position, then a causal transformer over positions.

    E ∈ R^{L×f×d}: an item's fields and the row's context at each of n history positions and, last, the target's
    E ← M layers of field attention or cross layers (history), N layers (target)
    S = causal transformer over [E_t, position_t, interval_t];  logit = MLP([pool(S, target), other fields])

Work inside a position is done on the real items alone, laid end to end; only attention sees padded rows.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models.fields import Fields
from rankpipe.data.ragged import Batch
from rankpipe.errors import InputError, nearest
from rankpipe.nn.attention import FieldAttention
from rankpipe.nn.cross import CrossNetV2
from rankpipe.nn.embedding import FieldTable
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import FieldMLP
from rankpipe.nn.pooling import Pooling, pooling
from rankpipe.nn.positions import Intervals, Order
from rankpipe.nn.segments import join, spread, unpad
from rankpipe.nn.transformer import Norm, TransformerBlock
from rankpipe.params import bounded


class FESeq(nn.Module):
    @dataclass(frozen=True)
    class Params:
        embedding_dim: int = bounded(16, low=1)
        context: tuple[str, ...] | None = ()
        """Categorical columns repeated over the positions; null: all that aren't targets, as in the paper. Each widens
        every token by embedding_dim: four of them cost about three times the time and twice the memory of none.
        Numerics and all other columns enter the last MLP only."""
        interaction: Literal["attention", "cross"] = "attention"
        history_layers: int = bounded(2, low=0)
        """M of the paper."""
        target_layers: int = bounded(2, low=0)
        """N of the paper."""
        interaction_heads: int = bounded(2, low=1)
        blocks: int = bounded(1, low=1)
        heads: int = bounded(4, low=1)
        feed_forward: int = bounded(1, low=1)
        """Width of the feed-forward net, in multiples of a token's width."""
        norm: Norm = "pre"
        positions: bool = True
        intervals: bool = True
        """A vector for the time to the target joins each token, where there are timestamps."""
        pooling: Pooling = "bilinear"
        pooling_table: bool = True
        """A second table embeds the target for pooling; false: the first one's vectors."""
        hidden_dims: tuple[int, ...] = bounded((256, 128, 64), low=1)
        dropout: float = bounded(0.1, low=0, below=1)
        """In the transformer, after attention and after the feed-forward net."""
        embedding_dropout: float = bounded(0.0, low=0, below=1)
        """On tokens."""
        mlp_dropout: float = bounded(0.0, low=0, below=1)
        batch_norm: bool = False

        def __post_init__(self) -> None:
            if self.interaction == "attention" and self.embedding_dim % self.interaction_heads:
                raise ValueError(f"interaction_heads {self.interaction_heads} does not divide embedding_dim "
                                 f"{self.embedding_dim}")

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        dim = params.embedding_dim
        self.fields = Fields(inputs, dim, "tokens")
        self.groups = self.fields.targeted_groups("feseq")
        self.encoders = nn.ModuleList(Encoder(inputs, group, params) for group in self.groups)
        self.mlp = FieldMLP(self.fields.count * dim + sum(e.width for e in self.encoders), len(inputs.numeric), dim,
                            params.hidden_dims, dropout=params.mlp_dropout, batch_norm=params.batch_norm)
        initialise(self)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        parts = [self.fields.vectors(batch).flatten(1)]
        parts += [encoder(batch, self.fields) for encoder in self.encoders]
        return self.mlp(torch.cat(parts, 1), batch.numeric, self.fields.weight()).squeeze(1)


class Encoder(nn.Module):
    """One group's history, seen from the target, as one vector of ``width``."""

    def __init__(self, inputs: Inputs, group: str, params: FESeq.Params):
        super().__init__()
        sequence, dim = inputs.sequences[group], params.embedding_dim
        self.group, self.target = group, sequence.target
        self.context = context_columns(inputs, params)
        count = len(sequence.fields) + len(self.context)
        self.flat = params.interaction == "cross"
        self.on_history = interaction(params, params.history_layers, count)
        self.on_target = interaction(params, params.target_layers, count)
        apart = [i for i, f in enumerate(sequence.fields) if f in sequence.target and not sequence.shared]
        self.apart, self.project = apart, nn.Linear(dim, dim, bias=False) if apart else None
        self.order = Order(sequence.max_len, dim) if params.positions else None
        self.intervals = Intervals(dim) if params.intervals and sequence.timestamps else None
        self.width = count * dim + dim * (self.order is not None) + dim * (self.intervals is not None)
        self.dropout = nn.Dropout(params.embedding_dropout)
        self.blocks = nn.ModuleList(
            TransformerBlock(self.width, params.heads, params.feed_forward * self.width, params.dropout, params.norm,
                             causal=True) for _ in range(params.blocks))
        self.norm = nn.LayerNorm(self.width) if params.norm == "pre" else nn.Identity()
        queried = params.pooling in ("bilinear", "dot", "din")
        columns = {c: inputs.categorical[c] for c in self.target.values()}
        self.queries = FieldTable(columns, dim) if queried and params.pooling_table else None
        self.last = params.pooling == "last"
        self.pool = pooling(params.pooling, len(columns) * dim, self.width)

    def forward(self, batch: Batch, fields: Fields) -> Tensor:
        """(B, width)."""
        ragged, columns = batch.sequences[self.group], tuple(dict.fromkeys(self.target.values()))
        lengths = ragged.lengths
        context = fields.columns(batch, self.context)  # (B, c, D)
        x = join(self.history(fields.history(batch, self.group), context, lengths),
                 self.of_target(fields.target(batch, self.group), context), lengths)  # (B, L, f · D)
        if self.order is not None:
            x = torch.cat([x, self.order(lengths, x.shape[1])], 2)
        if self.intervals is not None:
            buckets = join(self.intervals.buckets(ragged.ages), torch.zeros_like(lengths), lengths)
            x = torch.cat([x, self.intervals(buckets)], 2)
        x = self.dropout(x)
        mask = torch.arange(x.shape[1], device=x.device) <= lengths[:, None]
        for block in self.blocks[:-1]:
            x = block(x, mask)
        if self.last:
            return self.norm(self.blocks[-1](x, mask, lengths)).squeeze(1)
        states = unpad(self.norm(self.blocks[-1](x, mask)), lengths + 1)  # (T + B, width)
        if self.queries is None:
            query = fields.columns(batch, columns)
        else:
            order = list(fields.inputs.categorical)
            index = batch.categorical[:, [order.index(c) for c in columns]]
            query = self.queries(self.queries.columns(index, columns))
        return self.pool(states, query.flatten(1), lengths + 1)

    def history(self, items: Tensor, context: Tensor, lengths: Tensor) -> Tensor:
        """Items (T, k, D) and their rows' context (B, c, D) after M layers: (T, f · D)."""
        x = torch.cat([items, spread(context, lengths)], 1) if self.context else items
        return self.on_history(x.flatten(1) if self.flat else x).flatten(1)

    def of_target(self, target: Tensor, context: Tensor) -> Tensor:
        """Target (B, k, D), projected where it has a table of its own, and context after N layers: (B, f · D)."""
        if self.project is not None:
            projected = self.project(target)
            chosen = torch.zeros(target.shape[1], 1, dtype=torch.bool, device=target.device)
            chosen[self.apart] = True
            target = torch.where(chosen, projected, target)
        x = torch.cat([target, context], 1)
        return self.on_target(x.flatten(1) if self.flat else x).flatten(1)


def context_columns(inputs: Inputs, params: FESeq.Params) -> tuple[str, ...]:
    """The columns of ``context``.

    Raises:
        InputError: one isn't a categorical column.
    """
    targets = {c for s in inputs.sequences.values() for c in s.target.values()}
    if params.context is None:
        return tuple(c for c in inputs.categorical if c not in targets)
    for name in params.context:
        if name not in inputs.categorical:
            raise InputError(f"params.yaml: ctr.models.feseq.context: '{name}' is not a categorical column; "
                             f"{nearest(name, inputs.categorical)}")
    return params.context


def interaction(params: FESeq.Params, layers: int, fields: int) -> nn.Module:
    """Layers over the fields of one position: attention on (·, f, D), cross layers on (·, f · D)."""
    if not layers:
        return nn.Identity()
    if params.interaction == "cross":
        return CrossNetV2(fields * params.embedding_dim, layers)
    return nn.Sequential(*(FieldAttention(params.embedding_dim, params.interaction_heads) for _ in range(layers)))
