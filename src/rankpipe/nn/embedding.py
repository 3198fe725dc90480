"""Fields as vectors: a row of a table for a category or an item, x·w for a number."""

from collections.abc import Hashable, Iterable, Iterator

import torch
from torch import Tensor, nn


class FieldTable(nn.Embedding):
    """One table for many fields: one lookup, one gradient and one optimiser step instead of one for each field.

    Every field keeps its own vocabulary indices, 0 = padding. Row 0 of the table is the padding of all of them and
    always zero; a field of ``size`` indices owns ``size − 1`` further rows. An index beyond its field's size isn't
    caught here: encoders never make one.

    Args:
        sizes: field → vocabulary size, padding counted in.
        dim: width of a vector.
        shared: field → another field of ``sizes`` whose rows it uses too.
    """

    def __init__(self, sizes: dict[Hashable, int], dim: int, shared: dict[Hashable, Hashable] | None = None):
        starts: dict[Hashable, int] = {}
        rows = 0
        for key, size in sizes.items():
            starts[key] = rows
            rows += max(size - 1, 1)
        super().__init__(rows + 1, dim, padding_idx=0)
        self.starts = starts | {key: starts[other] for key, other in (shared or {}).items()}

    def rows(self, index: Tensor, key: Hashable) -> Tensor:
        """Indices of one field, any shape → rows of this table, same shape."""
        return torch.where(index > 0, index + self.starts[key], 0)

    def columns(self, index: Tensor, keys: Iterable[Hashable]) -> Tensor:
        """Indices of several fields, (…, C) in the order of ``keys`` → rows of this table."""
        starts = torch.tensor([self.starts[k] for k in keys], dtype=index.dtype, device=index.device)
        return torch.where(index > 0, index + starts, 0)


class NumericVectors(nn.Module):
    """A vector w for each numeric column; the column's embedding is x·w."""

    def __init__(self, columns: int, dim: int):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(columns, dim).normal_(std=0.01))

    def forward(self, x: Tensor) -> Tensor:
        """(B, N) → (B, N, D)."""
        return x[:, :, None] * self.weight


def embedding_parameters(model: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Names and parameters that ``embedding_l2`` applies to: tables and the vectors of numerics."""
    for name, module in model.named_modules():
        if isinstance(module, (nn.Embedding, NumericVectors)):
            yield f"{name}.weight", module.weight
