"""The offline encoder of images: fixed statistics, and their principal components."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from rankpipe.fusion.encoders.looks import looks
from rankpipe.fusion.encoders.reduction import Reduction
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.io.images import decoded


@dataclass(frozen=True)
class Photos:
    """``look`` is slow and needs no fit; ``vectors`` is fast and does."""

    edge: int
    """Pixels of a side, to which the whole image is squeezed."""
    widths: tuple[int, ...]
    """Numbers of each block of :func:`rankpipe.fusion.encoders.looks.looks`."""
    reduction: Reduction | None = None

    @classmethod
    def plain(cls, edge: int) -> Self:
        """Not fitted yet."""
        return cls(edge, tuple(len(block) for block in looks(np.zeros((edge, edge, 3), np.uint8)).values()))

    def fit(self, found: np.ndarray, dims: int, whitening: float) -> Self:
        """On what ``look`` found of train's images, (n, r)."""
        return replace(self, reduction=Reduction.fit(found, self.widths, dims, whitening))

    def look(self, paths: Sequence[Path | None], threads: int = 1) -> np.ndarray:
        """(n, r) float32; NaN where the path is None. One image at a time is in memory, and a few that wait.

        Raises:
            InputError: an image that is missing, cut short or none.
        """
        found = np.full((len(paths), sum(self.widths)), np.nan, np.float32)
        for i, image in enumerate(decoded(paths, self.edge, threads)):
            if image is not None:
                found[i] = np.concatenate(list(looks(image).values()))
        return found

    def vectors(self, found: np.ndarray) -> np.ndarray:
        """(n, r) of ``look`` → (n, d) float32 of length 1; zeros where there was none."""
        there = np.isfinite(found).all(1)
        return np.where(there[:, None], self.reduction(np.where(there[:, None], found, 0)), np.float32(0))

    def put(self, file: ArraysWriter) -> None:
        """Into groups of ``file``."""
        file.put("image/shape", np.array([self.edge, *self.widths]))
        for name in ("mean", "scale", "axes"):
            file.put(f"image/{name}", getattr(self.reduction, name))

    @classmethod
    def read(cls, file: ArraysReader) -> Self:
        """What ``put`` wrote."""
        edge, *widths = file.read("image/shape").tolist()
        return cls(edge, tuple(widths), Reduction(*(file.read(f"image/{name}") for name in ("mean", "scale", "axes"))))
