"""Averaged weights: an exponential moving mean over updates, judged and kept in the place of the last step's weights.

Polyak and Juditsky 1992. The optimiser goes on with its own weights. What the mean forgets, ``1 − decay`` an update,
is more at the start, so that it doesn't remember the initial weights: (1 + n) / (10 + n) for the n-th update.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class Average:
    """The moving mean of ``model``'s parameters; buffers, such as batch norm's, are means already and stay as they are.

    Args:
        decay: 0 ≤ decay < 1; 0 averages nothing and costs nothing.
    """

    def __init__(self, model: nn.Module, decay: float):
        self.decay = decay
        self.parameters = {name: p for name, p in model.named_parameters() if p.requires_grad} if decay else {}
        self.means = {name: p.detach().clone() for name, p in self.parameters.items()}

    @torch.no_grad()
    def update(self, number: int) -> None:
        """Takes in the weights after update ``number``, counted from 0."""
        if self.means:
            kept = min(self.decay, (1 + number) / (10 + number))
            torch._foreach_lerp_(list(self.means.values()), list(self.parameters.values()), 1 - kept)

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Inside, the model holds the means."""
        self._swap()
        try:
            yield
        finally:
            self._swap()

    @torch.no_grad()
    def _swap(self) -> None:
        for name, mean in self.means.items():
            own = self.parameters[name].clone()
            self.parameters[name].copy_(mean)
            mean.copy_(own)

    def state(self) -> dict[str, Tensor]:
        return self.means

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor]) -> None:
        for name, mean in self.means.items():
            mean.copy_(state[name])
