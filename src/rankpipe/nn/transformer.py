"""Transformer blocks over padded histories."""

from typing import Literal

from torch import Tensor, nn

from rankpipe.nn.attention import SelfAttention
from rankpipe.nn.mlp import Activation, activation

Norm = Literal["post", "pre", "none"]


class TransformerBlock(nn.Module):
    """Attention and a two-layer feed-forward net, each with a residual and dropout.

    ``norm``: ``post`` as in Vaswani et al. 2017, LayerNorm(x + f(x)); ``pre``, x + f(LayerNorm(x)); ``none``, x + f(x).
    """

    def __init__(self, dim: int, heads: int, hidden_dim: int, dropout: float = 0.0, norm: Norm = "post",
                 activations: Activation = "leaky_relu", causal: bool = False):
        super().__init__()
        self.norm = norm
        self.attention = SelfAttention(dim, heads, dropout, causal)
        self.feed_forward = nn.Sequential(nn.Linear(dim, hidden_dim), activation(activations, hidden_dim),
                                          nn.Linear(hidden_dim, dim), nn.Dropout(dropout))
        self.norms = nn.ModuleList([nn.LayerNorm(dim), nn.LayerNorm(dim)] if norm != "none" else [])

    def forward(self, x: Tensor, mask: Tensor | None = None, at: Tensor | None = None) -> Tensor:
        """All states, or only the one at position ``at`` of each row, which costs L instead of L².

        Args:
            x: (B, L, D); real positions at the left.
            mask: (B, L) bool, True at real positions.
            at: (B,) last real position of each row.

        Returns:
            (B, L, D), or (B, 1, D) with ``at``.
        """
        y = self.norms[0](x) if self.norm == "pre" else x
        if at is None:
            x = x + self.attention(y, mask)
        else:
            where = at[:, None, None].expand(-1, 1, x.shape[2])
            x = x.gather(1, where) + self.attention(y, mask, y.gather(1, where))
        x = self.norms[0](x) if self.norm == "post" else x
        x = x + self.feed_forward(self.norms[1](x) if self.norm == "pre" else x)
        return self.norms[1](x) if self.norm == "post" else x
