"""The columns of chosen blocks, taken by name."""

import torch
from torch import Tensor

from rankpipe.errors import InputError, nearest
from rankpipe.rating.inputs import Batch, Inputs


class Blocks:
    """Chosen blocks side by side, in the order of their names.

    Args:
        held: block → columns, such as ``inputs.blocks`` or one side of it.
        chosen: names; None takes all that are held. Names of ``known`` that aren't held are passed over.
        known: every name that ``chosen`` may hold.

    Raises:
        InputError: an unknown name.
    """

    def __init__(self, held: dict[str, int], chosen: tuple[str, ...] | None, known: dict[str, int], model: str):
        for name in chosen or ():
            if name not in known:
                raise InputError(f"params.yaml: rating.models.{model}.blocks: no block '{name}' in the features; "
                                 f"{nearest(name, known)}")
        self.names = tuple(sorted(n for n in held if chosen is None or n in chosen))
        self.width = sum(held[n] for n in self.names)

    def __call__(self, batch: Batch) -> Tensor:
        """(B, width) float32."""
        if not self.names:
            return torch.zeros(len(batch), 0, device=batch.users.device)
        return torch.cat([batch.blocks[name] for name in self.names], 1)


def blocks(inputs: Inputs, chosen: tuple[str, ...] | None, model: str) -> Blocks:
    """Blocks of both sides."""
    return Blocks(inputs.blocks, chosen, inputs.blocks, model)
