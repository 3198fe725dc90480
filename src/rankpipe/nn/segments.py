"""Arithmetic on ragged rows: T values end to end, of which row b owns the next ``lengths[b]``; a row may own none.

Each is the other's gradient: :func:`spread` copies a row's value to its items, :func:`segment_sum` adds items up. Both
run in item order, so a sum has the same bytes every time, which scattered additions on a GPU haven't.
"""

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx, once_differentiable


class _Spread(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, lengths: Tensor) -> Tensor:
        ctx.save_for_backward(lengths)
        return x.repeat_interleave(lengths, 0)

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:
        return _reduce(grad, ctx.saved_tensors[0], "sum"), None


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx: FunctionCtx, x: Tensor, lengths: Tensor) -> Tensor:
        ctx.save_for_backward(lengths)
        return _reduce(x, lengths, "sum")

    @staticmethod
    @once_differentiable
    def backward(ctx: FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:
        return grad.repeat_interleave(ctx.saved_tensors[0], 0), None


def _reduce(x: Tensor, lengths: Tensor, how: str) -> Tensor:
    if not len(lengths):
        return x.new_zeros(0, *x.shape[1:])
    return torch.segment_reduce(x.contiguous(), how, lengths=lengths, axis=0, unsafe=True)


def spread(x: Tensor, lengths: Tensor) -> Tensor:
    """(B, …) → (T, …): each row's value once for each of its items."""
    return _Spread.apply(x, lengths)


def segment_sum(x: Tensor, lengths: Tensor) -> Tensor:
    """(T, …) → (B, …); zero for a row without items."""
    return _Sum.apply(x, lengths)


def segment_mean(x: Tensor, lengths: Tensor) -> Tensor:
    """(T, D) → (B, D); zero for a row without items."""
    return segment_sum(x, lengths) / lengths.clamp_min(1)[:, None]


def segment_softmax(scores: Tensor, lengths: Tensor) -> Tensor:
    """(T,) → (T,) weights that are positive and sum to 1 within each row; float32 at least."""
    scores = scores.float() if scores.dtype.itemsize < 4 else scores
    with torch.no_grad():
        highest = _reduce(scores, lengths, "max").repeat_interleave(lengths)
    weights = (scores - highest).exp()
    return weights / spread(segment_sum(weights, lengths), lengths)


def places(lengths: Tensor, width: int) -> Tensor:
    """(T,) where each item stands in a (B · width) grid whose rows begin with their items."""
    starts = torch.arange(len(lengths), device=lengths.device) * width - (lengths.cumsum(0) - lengths)
    return starts.repeat_interleave(lengths) + torch.arange(int(lengths.sum()), device=lengths.device)


def join(history: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
    """Histories with the target behind their newest item: (T, …), (B, …) → (B, L + 1, …), then zeros."""
    rows, width = len(lengths), (int(lengths.max()) if len(lengths) else 0) + 1
    ends = torch.arange(rows, device=lengths.device) * width + lengths
    values = torch.cat([history, target])
    grid = values.new_zeros(rows * width, *values.shape[1:])
    grid = grid.index_copy(0, torch.cat([places(lengths, width), ends]), values)
    return grid.view(rows, width, *history.shape[1:])


def unpad(padded: Tensor, lengths: Tensor) -> Tensor:
    """(B, L, …) → (T, …): what stands before the end of each row."""
    flat = padded.flatten(0, 1)
    taken = int(lengths.sum())
    return flat if taken == len(flat) else flat.index_select(0, places(lengths, padded.shape[1]))
