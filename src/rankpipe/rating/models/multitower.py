"""Two towers and an interaction: z = MLP([user tower, item tower]), the rating low + (high − low)·σ(z).

A tower takes the blocks of its own side by their names. With ``ids`` it also takes the vector of its user or item, and
their weights join z.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rankpipe.errors import InputError
from rankpipe.nn.initialisation import initialise
from rankpipe.nn.mlp import MLP
from rankpipe.params import bounded
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.blocks import Blocks
from rankpipe.rating.models.heads import Ids, Scale


class MultiTower(nn.Module):
    @dataclass(frozen=True)
    class Params:
        tower_dims: tuple[int, ...] = bounded((128, 64), low=1)
        tower_dropout: float = bounded(0.3, low=0, below=1)
        batch_norm: bool = True
        """In the towers."""
        interaction_dims: tuple[int, ...] = bounded((64, 32), low=1)
        interaction_dropout: float = bounded(0.2, low=0, below=1)
        ids: bool = True
        """Vectors of user and item as further inputs of their towers."""
        embedding_dim: int = bounded(16, low=1)
        """Of the ids."""
        blocks: tuple[str, ...] | None = None
        """Profile blocks by name; null takes all, an empty list none."""

        def __post_init__(self) -> None:
            if not self.tower_dims:
                raise ValueError("tower_dims is empty; a tower needs a layer")

    neural = True

    def __init__(self, inputs: Inputs, params: Params):
        super().__init__()
        self.sides = {side: Blocks(held, params.blocks, inputs.blocks, "multitower")
                      for side, held in (("user", inputs.user_blocks), ("item", inputs.item_blocks))}
        self.reads = self.sides["user"].names + self.sides["item"].names
        extra = params.embedding_dim if params.ids else 0
        for side, blocks in self.sides.items():
            if not blocks.width + extra:
                raise InputError(f"params.yaml: rating.models.multitower: the {side} tower has neither a block nor an "
                                 "id; name a block of that side, set ids: true, or take the model out")
        self.ids = Ids(inputs, params.embedding_dim) if params.ids else None
        self.towers = nn.ModuleDict({side: MLP(blocks.width + extra, params.tower_dims, dropout=params.tower_dropout,
                                               batch_norm=params.batch_norm) for side, blocks in self.sides.items()})
        self.interaction = MLP(2 * params.tower_dims[-1], params.interaction_dims, 1,
                               dropout=params.interaction_dropout)
        self.scale = Scale(inputs)
        initialise(self)

    def tower(self, side: str, batch: Batch) -> Tensor:
        """(B, tower_dims[-1]) of ``user`` or ``item``."""
        x = self.sides[side](batch)
        if self.ids is not None:
            x = torch.cat([x, self.ids.user(batch) if side == "user" else self.ids.item(batch)], 1)
        return self.towers[side](x)

    def forward(self, batch: Batch) -> Tensor:
        """(B,) ratings."""
        z = self.interaction(torch.cat([self.tower("user", batch), self.tower("item", batch)], 1)).squeeze(1)
        return self.scale(z if self.ids is None else z + self.ids.linear(batch))
