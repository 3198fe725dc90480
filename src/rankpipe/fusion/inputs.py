"""What a ranking model sees: slates of candidates with named features of each pair, and vectors of both sides."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the rest of the track starts without it
    import torch
    from torch import Tensor

TRACK = "fusion"
MODALITIES = ("image", "text", "attributes")


@dataclass(frozen=True)
class Inputs:
    """The shape of the data that a model is built for."""

    features: tuple[str, ...]
    """Names of the columns of a pair of query and candidate."""
    query: int = 0
    """Width of the query's vector; 0: there are no vectors, as in files of features alone."""
    image: int = 0
    text: int = 0
    attributes: int = 0

    @property
    def widths(self) -> dict[str, int]:
        """Modality → width of its vectors."""
        return {name: getattr(self, name) for name in MODALITIES}


@dataclass
class Batch:
    """B slates of m candidates in all, end to end."""

    offsets: Tensor
    """(B + 1,) int64, starting at 0."""
    features: Tensor
    """(m, F) float32, all finite."""
    query: Tensor
    """(B, query) float32."""
    image: Tensor
    """(m, image) float32; as ``text`` and ``attributes``, zero where the modality is missing."""
    text: Tensor
    attributes: Tensor
    present: Tensor
    """(m, 3) bool: the modalities that each candidate has, in the order of ``MODALITIES``."""
    grades: Tensor | None = None
    """(m,) float32, absent where there are none."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> Tensor:
        """(B,) candidates of each slate."""
        return self.offsets.diff()

    def modality(self, name: str) -> Tensor:
        """(m, width)."""
        return getattr(self, name)

    def to(self, device: torch.device | str) -> Batch:
        """The batch on ``device``."""
        return self._each(lambda x: x.to(device, non_blocking=True))

    def pinned(self) -> Batch:
        """A copy in page-locked memory, which travels to a GPU while the CPU goes on."""
        return self._each(lambda x: x.pin_memory())

    def _each(self, change) -> Batch:
        return replace(self, **{k: change(v) for k, v in vars(self).items() if v is not None})
