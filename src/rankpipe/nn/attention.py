"""Multi-head self-attention over positions and over fields.

Positions go through PyTorch's fused kernel, which never holds an L × L map. On a CPU it is left for a written-out map
as soon as attention weights are dropped, so dropout stands after the output projection instead.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class SelfAttention(nn.Module):
    """softmax(QKᵀ/√d)V for each of ``heads`` heads, then a linear layer and dropout (Vaswani et al. 2017).

    Args:
        dim: D, width of a position; rounded up to a multiple of ``heads`` inside.
        causal: a position sees itself and those before it.
    """

    def __init__(self, dim: int, heads: int, dropout: float = 0.0, causal: bool = False):
        super().__init__()
        self.heads, self.causal = heads, causal
        self.inner = -(-dim // heads) * heads
        self.qkv = nn.Linear(dim, 3 * self.inner)
        self.out = nn.Linear(self.inner, dim)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor | None = None, queries: Tensor | None = None) -> Tensor:
        """Attends from every position, or from ``queries`` alone.

        Args:
            x: (B, L, D). Rows stand at the left, so that a causal position never meets the padding behind it.
            mask: (B, L) bool, True at keys that may be seen; each row needs one.
            queries: (B, M, D), positions that see all of the masked keys.

        Returns:
            (B, L, D), or (B, M, D) with ``queries``; values at padding mean nothing.
        """
        if not x.numel():
            return torch.zeros_like(x if queries is None else queries)
        if queries is None:
            q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, H, L, d)
        else:
            on_query, on_rest = self.qkv.weight.split([self.inner, 2 * self.inner])
            bias_query, bias_rest = self.qkv.bias.split([self.inner, 2 * self.inner])
            q = F.linear(queries, on_query, bias_query).unflatten(2, (self.heads, -1)).transpose(1, 2)
            k, v = F.linear(x, on_rest, bias_rest).unflatten(2, (2, self.heads, -1)).permute(2, 0, 3, 1, 4)
        causal = self.causal and queries is None
        seen = None if mask is None or causal else mask[:, None, None, :]
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, is_causal=causal)
        return self.dropout(self.out(mixed.transpose(1, 2).flatten(2)))


class FieldAttention(nn.Module):
    """Interacting layer of AutoInt (Song et al. 2019, eq. 5–8): ReLU(attention over a row's F fields + W_res x).

    Args:
        dim: D, width of a field on the way in; ``output_dim`` (default D) on the way out.
    """

    def __init__(self, dim: int, heads: int, output_dim: int | None = None):
        super().__init__()
        self.heads = heads
        self.inner = -(-(output_dim or dim) // heads) * heads
        self.qkv = nn.Linear(dim, 3 * self.inner, bias=False)
        self.residual = nn.Linear(dim, self.inner, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, F, D) → (B, F, inner)."""
        if not x.numel():
            return x.new_zeros(*x.shape[:2], self.inner)
        q, k, v = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)  # each (B, H, F, d)
        mixed = F.scaled_dot_product_attention(q, k, v)
        return F.relu(mixed.transpose(1, 2).flatten(2) + self.residual(x))
