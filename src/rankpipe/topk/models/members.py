"""Several copies of one separable model, started from different noise and trained side by side on the same batches.

Their mean score is an inner product too: ⟨[p¹ … pᴹ]/M, [q¹ … qᴹ]⟩ + mean b. Averaging takes out what each owes to the
luck of its start, which on small data is worth more than as many wider vectors; it costs M times the time.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from rankpipe.params import bounded
from rankpipe.topk.batches import Batch


@dataclass(frozen=True)
class Repeated:
    """For the ``Params`` of a model that may have members."""

    members: int = bounded(1, low=1)
    """M copies of the model, whose mean score counts."""


class Members(nn.Module):
    """The copies as a model.

    Args:
        each: M copies, drawn one after the other.
    """

    neural = separable = True

    def __init__(self, each: list[nn.Module]):
        super().__init__()
        self.each = nn.ModuleList(each)

    def forward(self, batch: Batch) -> list[Tensor]:
        """(B, I) scores of each."""
        return [member(batch) for member in self.each]

    def user_ids(self) -> list[Tensor]:
        return [vectors for member in self.each for vectors in member.user_ids()]

    def factors(self) -> tuple[Tensor, Tensor, Tensor]:
        """(U, M·d), (I, M·d), (I,)."""
        users, items, biases = zip(*(member.factors() for member in self.each), strict=True)
        return torch.cat(users, 1) / len(self.each), torch.cat(items, 1), torch.stack(biases).mean(0)
