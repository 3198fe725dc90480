"""Multi-head attention of one question a group of rows over the few answers that each row holds.

The arithmetic is that of softmax(QKᵀ/√d)V (Vaswani et al., 2017) in another order, which needs one D × D product a row
instead of two for each of its answers: ⟨q, W_k t⟩ = ⟨W_kᵀq, t⟩ is made once a question, and Σ_a w_a W_v t_a =
W_v Σ_a w_a t_a mixes before it projects. A bias on keys would move all answers alike and is left out.
"""

import torch
from torch import Tensor, nn

from rankpipe.nn.segments import spread


class CrossAttention(nn.Module):
    """
    Args:
        dim: D, a multiple of ``heads``.
    """

    def __init__(self, dim: int, heads: int):
        super().__init__()
        if dim % heads:
            raise ValueError(f"dim {dim} is no multiple of heads {heads}")
        self.heads = heads
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim)
        self.out = nn.Linear(dim, dim)

    def weights(self, question: Tensor, answers: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """(m, H, A), each head's summing to 1 over the answers that are present; all zero where none is.

        Args:
            question: (B, D)
            answers: (m, A, D), the rows of question b end to end.
            lengths: (B,) rows of each question.
            present: (m, A) bool.
        """
        asked = self.query(question).unflatten(1, (self.heads, -1))  # (B, H, d)
        keys = self.key.weight.unflatten(0, (self.heads, -1))  # (H, d, D)
        asked = torch.einsum("bhd,hdk->bhk", asked, keys) / asked.shape[2] ** 0.5
        if len(asked) == 1:  # as in serving: one product instead of one a row
            logits = (answers @ asked[0].T).transpose(1, 2)
        else:
            logits = spread(asked.flatten(1), lengths).unflatten(1, (self.heads, -1)) @ answers.transpose(1, 2)
        there = present[:, None, :]
        found = torch.softmax(logits.masked_fill(~there, torch.finfo(logits.dtype).min), 2)
        return found * there

    def forward(self, question: Tensor, answers: Tensor, lengths: Tensor, present: Tensor) -> Tensor:
        """(m, D) what each row answers; zero where it holds no answer."""
        weights = self.weights(question, answers, lengths, present)
        mixed = (weights @ answers).transpose(0, 1)  # (H, m, D)
        values = self.value.weight.unflatten(0, (self.heads, -1)).transpose(1, 2)  # (H, D, d)
        found = torch.bmm(mixed, values).transpose(0, 1).flatten(1) + self.value.bias
        return self.out(found) * present.any(1, keepdim=True)
