"""Explicit interactions of fields: all pairs (factorisation machine) and cross layers."""

import torch
from torch import Tensor, nn


def pairs(vectors: Tensor, x: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """Σ_{i<j} ⟨v_i, v_j⟩ over all fields, as ½ Σ_d ((Σ_i v_i)² − Σ_i v_i²) (Rendle 2010, lemma 3.1).

    Args:
        vectors: (B, C, D).
        x, weight: numbers (B, N) and their vectors (N, D), whose fields x·w join in by two matrix products.

    Returns:
        (B,)
    """
    total, squares = vectors.sum(1), vectors.square().sum(1)  # (B, D)
    if x is not None and weight is not None:
        total = total + x @ weight
        squares = squares + x.square() @ weight.square()
    return 0.5 * (total.square() - squares).sum(1)


class CrossLayerV2(nn.Module):
    """x_{l+1} = x_0 ⊙ (W x_l + b) + x_l (DCN-V2, Wang et al. 2021, eq. 1); W = U Vᵀ of rank ``rank`` where given."""

    def __init__(self, dim: int, rank: int | None = None):
        super().__init__()
        self.down = nn.Linear(dim, rank, bias=False) if rank else nn.Identity()
        self.up = nn.Linear(rank or dim, dim)

    def forward(self, x0: Tensor, x: Tensor) -> Tensor:
        """(…, D), (…, D) → (…, D)."""
        return torch.addcmul(x, x0, self.up(self.down(x)))


class CrossNetV2(nn.Module):
    """``layers`` cross layers, each over the input x_0. (…, D) → (…, D)."""

    def __init__(self, dim: int, layers: int, rank: int | None = None):
        super().__init__()
        self.layers = nn.ModuleList(CrossLayerV2(dim, rank) for _ in range(layers))

    def forward(self, x0: Tensor) -> Tensor:
        x = x0
        for layer in self.layers:
            x = layer(x0, x)
        return x
