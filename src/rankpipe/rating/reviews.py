"""One vector a train review (TF-IDF, then aspects): ragged, in fixed point, left on the disk until a batch needs rows.

Fixed point, so that a review is taken out of a sum without a trace: floats would leave the rounding behind.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.data.newest import ragged_places
from rankpipe.errors import InputError
from rankpipe.io.digest import sha256

SCALE = 1 << 15
"""A value of 1. Values lie in [0, 1]: 15 bits are finer than any use of a mean of them."""
_FILES = {"offsets": np.int64, "columns": np.uint16, "values": np.uint16}
_AT_ONCE = 1 << 20
"""Values that are summed at once."""


class ReviewsWriter:
    """Writes ``offsets.bin``, ``columns.bin``, ``values.bin`` into an existing folder, block by block."""

    def __init__(self, folder: Path):
        self.folder, self._stack, self._end = folder, ExitStack(), 0
        self._files = {name: self._stack.enter_context((folder / f"{name}.bin").open("wb")) for name in _FILES}
        self._write("offsets", np.zeros(1))

    def append(self, matrix: csr_matrix) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Adds rows of values in [0, 1]; returns (row, column, fixed-point value) of each that isn't 0."""
        matrix.sort_indices()
        values = np.rint(matrix.data * SCALE).astype(np.uint16)
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        self._write("offsets", self._end + matrix.indptr[1:])
        self._write("columns", matrix.indices)
        self._write("values", values)
        self._end += len(values)
        return rows, matrix.indices.astype(np.int64), values.astype(np.int64)

    def _write(self, name: str, values: np.ndarray) -> None:
        values.astype(_FILES[name]).tofile(self._files[name])

    def __enter__(self) -> "ReviewsWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self._stack.close()

    def digests(self) -> dict[str, str]:
        """File → SHA-256, once closed."""
        return {name: sha256(self.folder / f"{name}.bin") for name in _FILES}


class Reviews:
    """The vectors of n reviews, mapped from the disk.

    Raises:
        InputError: a file is missing, or isn't the one that ``digests`` tells of.
    """

    def __init__(self, folder: Path, digests: dict[str, str], width: int):
        self.width = width
        found = {}
        for name, dtype in _FILES.items():
            path = folder / f"{name}.bin"
            if not path.is_file():
                raise InputError(f"{path}: not found; run features (dvc repro), or fetch it (dvc pull)")
            if sha256(path) != digests.get(name):
                raise InputError(f"{path}: not the file that features wrote; delete its folder and run features again")
            # An empty file can't be mapped.
            found[name] = np.memmap(path, dtype, "r") if path.stat().st_size else np.zeros(0, dtype)
        self.offsets, self.columns, self.values = (found[name] for name in _FILES)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def sums(self, reviews: np.ndarray, counts: np.ndarray) -> np.ndarray:
        """Fixed-point sums over runs of reviews.

        Args:
            reviews: (R,) review numbers; the first ``counts[0]`` belong to the first sum, and so on.
            counts: (B,).

        Returns:
            (B, width) int64.
        """
        out = np.zeros((len(counts), self.width), np.int64)
        owners = np.repeat(np.arange(len(counts)), counts)
        for part in self._parts(reviews):
            starts = self.offsets[reviews[part]]
            lengths = self.offsets[reviews[part] + 1] - starts
            places = ragged_places(starts, lengths)
            cells = np.repeat(owners[part], lengths) * self.width + self.columns[places]
            first, last = owners[part.start], owners[part.stop - 1] + 1
            summed = np.bincount(cells - first * self.width, self.values[places], (last - first) * self.width)
            out[first:last] += summed.astype(np.int64).reshape(last - first, self.width)  # whole: exact below 2⁵³
        return out

    def _parts(self, reviews: np.ndarray) -> Iterator[slice]:
        """Stretches of ``reviews`` with about ``_AT_ONCE`` values each."""
        if not len(reviews):
            return
        ends = np.cumsum(self.offsets[reviews + 1] - self.offsets[reviews])
        cuts = np.flatnonzero(np.diff(ends // _AT_ONCE)) + 1
        bounds = [0, *cuts.tolist(), len(reviews)]
        yield from (slice(a, b) for a, b in pairwise(bounds))
