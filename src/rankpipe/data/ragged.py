"""Rows on their way to a model: flat columns beside ragged sequences, never padded until a model asks for it."""

from dataclasses import dataclass, field

import torch
from torch import Tensor


@dataclass
class Ragged:
    """The sequences of B rows laid end to end: T = the sum of the lengths."""

    fields: dict[str, Tensor]
    """Field → (T,) int64 vocabulary indices (raw item codes before encoding)."""
    lengths: Tensor
    """(B,) int64, 0 allowed."""
    ages: Tensor | None = None
    """(T,) float32 seconds from an item to its row's own time, where there are timestamps."""

    @property
    def rows(self) -> Tensor:
        """(T,) the row each item belongs to."""
        return torch.repeat_interleave(torch.arange(len(self.lengths), device=self.lengths.device), self.lengths)

    @property
    def offsets(self) -> Tensor:
        """(B + 1,) where each row starts in the flat fields."""
        return torch.cat([self.lengths.new_zeros(1), self.lengths.cumsum(0)])

    def positions(self) -> Tensor:
        """(T,) place of each item in its row counted from the newest: 0 = newest."""
        ends = self.lengths.cumsum(0)
        return ends[self.rows] - 1 - torch.arange(int(self.lengths.sum()), device=self.lengths.device)

    def mask(self, width: int | None = None) -> Tensor:
        """(B, L) bool, True at real items; L is the longest row of the batch unless ``width`` is given."""
        width = self.width() if width is None else width
        return torch.arange(width, device=self.lengths.device)[None, :] < self.lengths[:, None]

    def width(self) -> int:
        return int(self.lengths.max()) if len(self.lengths) else 0

    def padded(self, flat: Tensor, width: int | None = None) -> Tensor:
        """(T, …) flat values → (B, L, …), oldest first, zeros after the end of each row."""
        mask = self.mask(width)
        out = flat.new_zeros(*mask.shape, *flat.shape[1:])
        out[mask] = flat
        return out

    def to(self, device: torch.device | str) -> "Ragged":
        return Ragged({k: v.to(device, non_blocking=True) for k, v in self.fields.items()},
                      self.lengths.to(device, non_blocking=True),
                      None if self.ages is None else self.ages.to(device, non_blocking=True))

    def pinned(self) -> "Ragged":
        return Ragged({k: v.pin_memory() for k, v in self.fields.items()}, self.lengths.pin_memory(),
                      None if self.ages is None else self.ages.pin_memory())


@dataclass
class Batch:
    """B rows. Columns stand in the order of the schema (see :class:`rankpipe.data.schema.Schema`)."""

    categorical: Tensor
    """(B, C) int64 vocabulary indices: 0 pads, the last index is out-of-vocabulary."""
    numeric: Tensor
    """(B, N) float32, scaled and filled; missing flags follow the columns."""
    sequences: dict[str, Ragged] = field(default_factory=dict)
    labels: Tensor | None = None
    """(B,) float32, absent on unlabelled data."""
    rows: Tensor | None = None
    """(B,) int64 position of each row in its split, by which scores find their way back."""

    def __len__(self) -> int:
        return len(self.categorical)

    def to(self, device: torch.device | str) -> "Batch":
        def move(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.to(device, non_blocking=True)

        return Batch(move(self.categorical), move(self.numeric), {k: v.to(device) for k, v in self.sequences.items()},
                     move(self.labels), move(self.rows))

    def pinned(self) -> "Batch":
        def pin(x: Tensor | None) -> Tensor | None:
            return None if x is None else x.pin_memory()

        return Batch(self.categorical.pin_memory(), self.numeric.pin_memory(),
                     {k: v.pinned() for k, v in self.sequences.items()}, pin(self.labels), pin(self.rows))
