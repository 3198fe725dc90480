"""From the states of a row's items to one vector. Items are ragged: (T, D) end to end, ``lengths`` (B,) of them a row.

Every pooling takes (states (T, D), target (B, D), lengths (B,)) and returns a (B, D) tensor; a row without items gets
zeros. Padded states are made ragged by :func:`rankpipe.nn.segments.unpad`.
"""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from rankpipe.nn.mlp import Activation, activation
from rankpipe.nn.segments import segment_mean, segment_softmax, segment_sum, spread

Pooling = Literal["bilinear", "dot", "din", "mean", "sum", "last"]


class Sum(nn.Module):
    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        return segment_sum(states, lengths)


class Mean(nn.Module):
    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        return segment_mean(states, lengths)


class Last(nn.Module):
    """The state of each row's last item."""

    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        padded = torch.cat([states.new_zeros(1, states.shape[1]), states])
        ends = torch.where(lengths > 0, lengths.cumsum(0), 0)
        return padded.index_select(0, ends)


class Dot(nn.Module):
    """Σ_t softmax_t(⟨target, s_t⟩/√D) s_t."""

    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        scores = (spread(target, lengths) * states).sum(1) / states.shape[1] ** 0.5
        return segment_sum(segment_softmax(scores, lengths)[:, None] * states, lengths)


class Bilinear(nn.Module):
    """Σ_t softmax_t(targetᵀ W s_t/√D) s_t (FESeq's target attention)."""

    def __init__(self, target_dim: int, dim: int):
        super().__init__()
        self.project = nn.Linear(target_dim, dim, bias=False)
        self.dot = Dot()

    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        return self.dot(states, self.project(target), lengths)


class ActivationUnit(nn.Module):
    """DIN's local activation unit (Zhou et al. 2018, fig. 2): Σ_t a(s_t, q) s_t, a = MLP([q, s, q − s, q ⊙ s]).

    The first layer is split, W[q, s, q − s, q ⊙ s] = W_q q + W_s s + W_p (q ⊙ s), since W_q q is the same for all items
    of a row: half the multiplications, and no (T, 4D) copy.

    Args:
        softmax: weights of a row are normalised; the paper keeps them as they are.
    """

    def __init__(self, dim: int, hidden_dims: tuple[int, ...] = (64,), activations: Activation = "dice",
                 softmax: bool = False):
        super().__init__()
        if not hidden_dims:
            raise ValueError("the activation unit needs a hidden layer")
        self.softmax = softmax
        self.on_target = nn.Linear(dim, hidden_dims[0])
        self.on_items = nn.Linear(2 * dim, hidden_dims[0], bias=False)
        layers: list[nn.Module] = [activation(activations, hidden_dims[0])]
        for i, o in pairwise(hidden_dims):
            layers += [nn.Linear(i, o), activation(activations, o)]
        self.rest = nn.Sequential(*layers, nn.Linear(hidden_dims[-1], 1, bias=not softmax))

    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        products = torch.cat([states, states * spread(target, lengths)], 1)  # (T, 2D)
        hidden = torch.addmm(spread(self.on_target(target), lengths), products, self.on_items.weight.T)
        weights = self.rest(hidden).squeeze(1)  # (T,)
        if self.softmax:
            weights = segment_softmax(weights, lengths)
        return segment_sum(weights[:, None] * states, lengths)


class _Projected(nn.Module):
    """A pooling that compares target and states as they are, behind a linear layer that gives both one width."""

    def __init__(self, target_dim: int, dim: int, pooling: nn.Module):
        super().__init__()
        self.project, self.pooling = nn.Linear(target_dim, dim), pooling

    def forward(self, states: Tensor, target: Tensor, lengths: Tensor) -> Tensor:
        return self.pooling(states, self.project(target), lengths)


def pooling(name: Pooling, target_dim: int, dim: int) -> nn.Module:
    """The pooling behind a name, for targets of width ``target_dim`` and states of width ``dim``."""
    if name == "bilinear":
        return Bilinear(target_dim, dim)
    if name in ("dot", "din"):
        return _Projected(target_dim, dim, Dot() if name == "dot" else ActivationUnit(dim))
    return {"mean": Mean, "sum": Sum, "last": Last}[name]()
