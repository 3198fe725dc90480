"""Ragged slates seen as a grid, for losses that compare the candidates of a query with each other."""

import torch
from torch import Tensor

from rankpipe.nn.segments import places


def grid(values: Tensor, offsets: Tensor, fill: float = 0.0) -> Tensor:
    """(m,) end to end, slate q in ``[offsets[q], offsets[q + 1])`` → (Q, L), L the longest slate, ``fill`` behind the
    shorter ones."""
    lengths = offsets.diff()
    width = int(lengths.max()) if len(lengths) else 0
    flat = values.new_full((len(lengths) * width,), fill)
    return flat.index_copy(0, places(lengths, width), values).view(len(lengths), width)


def held(offsets: Tensor) -> Tensor:
    """(Q, L) bool: where the grid has a candidate."""
    lengths = offsets.diff()
    width = int(lengths.max()) if len(lengths) else 0
    return torch.arange(width, device=offsets.device) < lengths[:, None]


def better(grades: Tensor, offsets: Tensor) -> Tensor:
    """(Q, L, L) bool: [q, i, j] says that candidate i of query q has a higher grade than its candidate j."""
    there, g = held(offsets), grid(grades, offsets)
    return (g[:, :, None] > g[:, None, :]) & there[:, :, None] & there[:, None, :]


def differences(scores: Tensor, offsets: Tensor) -> Tensor:
    """(Q, L, L) float32 z_i − z_j."""
    z = grid(scores.float(), offsets)
    return z[:, :, None] - z[:, None, :]


def mean_over_pairs(losses: Tensor, pairs: Tensor) -> Tensor:
    """Sum over queries of the mean over a query's pairs, so that a long slate weighs no more than a short one.

    Args:
        losses: (Q, L, L)
        pairs: (Q, L, L) bool, those that count; a query without any adds nothing.
    """
    return (torch.where(pairs, losses, 0.0).sum((1, 2)) / pairs.sum((1, 2)).clamp_min(1)).sum()


def gains(grades: Tensor) -> Tensor:
    """2^g − 1, what nDCG pays for a grade; float32."""
    return torch.exp2(grades.float()) - 1
