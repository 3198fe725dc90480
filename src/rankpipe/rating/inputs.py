"""What a rating model sees: named blocks of dense features on either side, and the codes of user and item.

A model takes its columns by block name, never by position: the width of a block, and whether it is there at all,
depends on the data.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # stages without a neural model start without it
    import torch
    from torch import Tensor

USER_BLOCKS = {"user_text": 100, "user_stats": 5, "user_aspects": 51}
"""Width of the user's blocks where reviews have text and there is a user file; ``user_fields`` follows where named."""
ITEM_BLOCKS = {"item_text": 100, "item_stats": 2, "item_aspects": 51}
"""Width of the item's blocks where reviews have text; ``item_fields`` follows where named."""


@dataclass(frozen=True)
class Inputs:
    """The shape of the data that a model is built for."""

    user_blocks: dict[str, int]
    """Block → columns, of the blocks that this data has; each at least one wide."""
    item_blocks: dict[str, int]
    n_users: int
    """Users seen in train; ``n_users`` itself is the code of an unknown one."""
    n_items: int
    low: float
    """The lowest rating there may be."""
    high: float
    mean: float
    """Of the train split's ratings."""

    @property
    def blocks(self) -> dict[str, int]:
        """All blocks, the user's first."""
        return {**self.user_blocks, **self.item_blocks}

    @property
    def width(self) -> int:
        """Columns of all blocks together."""
        return sum(self.blocks.values())


@dataclass
class Batch:
    """B rows."""

    users: Tensor
    """(B,) int64; ``n_users`` = unknown."""
    items: Tensor
    """(B,) int64; ``n_items`` = unknown."""
    blocks: dict[str, Tensor] = field(default_factory=dict)
    """Block → (B, columns) float32, all finite."""
    ratings: Tensor | None = None
    """(B,) float32, absent where they are to be predicted."""

    def __len__(self) -> int:
        return len(self.users)

    def to(self, device: torch.device | str) -> Batch:
        """The batch on ``device``."""
        def move(x: Tensor) -> Tensor:
            return x.to(device, non_blocking=True)

        return Batch(move(self.users), move(self.items), {name: move(block) for name, block in self.blocks.items()},
                     None if self.ratings is None else move(self.ratings))

    def pinned(self) -> Batch:
        """A copy in page-locked memory, which travels to a GPU while the CPU goes on."""
        return Batch(self.users.pin_memory(), self.items.pin_memory(),
                     {name: block.pin_memory() for name, block in self.blocks.items()},
                     None if self.ratings is None else self.ratings.pin_memory())
