"""L2 penalties λ/2·‖E‖² as gradients: λ·E added to E's own, which costs no graph and no second pass over the tables.

The penalty covers a whole table at every step, seen rows or not, as the published click-through benchmarks do it. For
decay that the optimiser's moments don't scale, see adamw's ``weight_decay``.
"""

import torch
from torch import nn

from rankpipe.nn.embedding import embedding_parameters


class L2:
    """The penalties of one model: ``embedding`` on tables and on the vectors of numerics, ``net`` on other matrices.

    Biases, norms' gains and other vectors have none.
    """

    def __init__(self, model: nn.Module, embedding: float, net: float):
        tables = [p for _, p in embedding_parameters(model)]
        known = {id(p) for p in tables}
        self.parts = [(tables, embedding), ([p for p in model.parameters() if p.ndim > 1 and id(p) not in known], net)]

    @torch.no_grad()
    def add_gradients(self) -> None:
        """Adds λ·W to the gradient of each W that has one. Call after the backward pass, before clipping."""
        for parameters, strength in self.parts:
            reached = [p for p in parameters if p.grad is not None]
            if strength and reached:
                torch._foreach_add_([p.grad for p in reached], reached, alpha=strength)
