"""One side of a factorisation machine: the id and the multi-hot fields of a user or an item as vectors.

A field's vector is the mean over its active values, zeros where none is active. Both sides meet in an inner product:
of all pairs of fields, those across the sides sum to ⟨Σ_f v_f, Σ_g v_g⟩, those within a side are a number of its own.
"""

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.topk.fields import Field


class Side(nn.Module):
    """Vectors of ``rows`` users or items with 1 + len(fields) fields, the first the id.

    All fields share one table: one lookup and one optimiser step. Which values are active is stored with the weights,
    so that a saved model needs no field beside it.

    Args:
        dim: D.
        weights: False leaves out the weight of each value, where only products count.
    """

    def __init__(self, rows: int, fields: tuple[Field, ...], dim: int, weights: bool = True):
        super().__init__()
        self.count, self.fields = rows, 1 + len(fields)
        sizes = [rows, *(f.size for f in fields)]
        self.table = nn.Embedding(sum(sizes), dim)
        self.weight = nn.Embedding(sum(sizes), 1) if weights else None
        nn.init.zeros_(self.table.weight)
        if weights:
            nn.init.zeros_(self.weight.weight)
        # Row by row and in it field by field: bag r · F + f holds the values of field f of row r.
        lengths = torch.ones(rows, self.fields, dtype=torch.int64)
        for f, field in enumerate(fields, 1):
            lengths[:, f] = torch.from_numpy(field.lengths)
        offsets = torch.zeros(rows * self.fields + 1, dtype=torch.int64)
        torch.cumsum(lengths.flatten(), 0, out=offsets[1:])
        values = torch.empty(int(offsets[-1]), dtype=torch.int32)
        starts = offsets[:-1].view(rows, self.fields)
        values[starts[:, 0]] = torch.arange(rows, dtype=torch.int32)
        first = rows
        for f, field in enumerate(fields, 1):
            own = torch.from_numpy(field.offsets[:-1].astype("int64"))
            shift = (starts[:, f] - own).repeat_interleave(lengths[:, f])
            values[torch.arange(len(field.values)) + shift] = torch.from_numpy(field.values) + first
            first += field.size
        self.register_buffer("offsets", offsets)
        self.register_buffer("values", values)

    def reset(self, std: float) -> None:
        """Draws the vectors; weights start at zero."""
        nn.init.normal_(self.table.weight, std=std)

    def ids(self) -> Tensor:
        """(rows, D) the ids' vectors."""
        return self.table.weight[:self.count]

    def bags(self, index: Tensor | None) -> tuple[Tensor, Tensor]:
        """Values and offsets of the rows ``index`` (B,), None for all."""
        if index is None:
            return self.values, self.offsets
        bags = (index[:, None] * self.fields + torch.arange(self.fields, device=index.device)).flatten()
        starts = self.offsets[bags]
        lengths = self.offsets[bags + 1] - starts
        offsets = F.pad(lengths.cumsum(0), (1, 0))
        places = (starts - offsets[:-1]).repeat_interleave(lengths)
        return self.values[places + torch.arange(len(places), device=places.device)], offsets

    def forward(self, index: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """(B,) rows, None for all → (B, F, D) vectors of the fields and (B,) sum of their weights."""
        values, offsets = self.bags(index)
        return self.vectors(values, offsets), self.linear(values, offsets)

    def vectors(self, values: Tensor, offsets: Tensor) -> Tensor:
        """Bags → (B, F, D) mean of each bag's vectors."""
        means = F.embedding_bag(values, self.table.weight, offsets.to(values.dtype), mode="mean",
                                include_last_offset=True)
        return means.view(-1, self.fields, means.shape[1])

    def linear(self, values: Tensor, offsets: Tensor) -> Tensor:
        """Bags → (B,) sum over fields of the mean weight."""
        if self.weight is None:
            return self.table.weight.new_zeros((len(offsets) - 1) // self.fields)
        means = F.embedding_bag(values, self.weight.weight, offsets.to(values.dtype), mode="mean",
                                include_last_offset=True)
        return means.view(-1, self.fields).sum(1)


def within(vectors: Tensor) -> Tensor:
    """(B, F, D) → (B,) Σ_{f<g} ⟨v_f, v_g⟩, the pairs within one side (Rendle 2010, lemma 3.1)."""
    return 0.5 * (vectors.sum(1).square() - vectors.square().sum(1)).sum(1)


def stored_fields(names: list[tuple[str, int]], rows: int, offsets: np.ndarray,
                  values: np.ndarray) -> tuple[Field, ...]:
    """The fields that a :class:`Side` was made of, from its buffers.

    Args:
        names: name and size of each, in their order.
    """
    lengths = np.diff(offsets).reshape(rows, 1 + len(names))
    which = np.repeat(np.tile(np.arange(1 + len(names)), rows), lengths.flatten())
    found, first = [], rows
    for f, (name, size) in enumerate(names, 1):
        ends = np.concatenate([[0], np.cumsum(lengths[:, f])])
        found.append(Field(name, size, ends, values[which == f] - np.int32(first)))
        first += size
    return tuple(found)
