"""Nearest neighbours by inner product, through faiss: all vectors looked at, or those of the nearest cells alone."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rankpipe.errors import InputError
from rankpipe.params import bounded

_TRAINED = 64
"""Vectors of each cell that its centre is found from, at most."""


@dataclass(frozen=True)
class Search:
    """The block ``fusion.retrieve.search`` of params.yaml."""

    kind: str = bounded("exact", choices=("exact", "approximate"))
    cells: int | None = bounded(None, low=1)
    """For approximate: parts that the vectors are sorted into; None: twice the root of their number."""
    probes: int = bounded(24, low=1)
    """Cells that a query looks into."""


class Neighbours:
    """Vectors to be searched by any number of threads."""

    def __init__(self, index: Any):
        self._index = index

    def search(self, queries: np.ndarray, n: int) -> np.ndarray:
        """(q, n) int64 rows of greatest inner product with each of ``queries`` (q, d) float32, −1 where there are no
        more (or the cells looked into hold no more)."""
        return self._index.search(np.ascontiguousarray(queries, np.float32), n)[1]


def build(vectors: np.ndarray, settings: Search, seed: int, threads: int = 1) -> Neighbours:
    """
    Args:
        vectors: (C, d) float32.
        seed: of the cells' centres.

    Raises:
        InputError: faiss isn't installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise InputError(f"params.yaml: fusion.retrieve: faiss isn't installed ({error}); pip install faiss-cpu, or "
                         "set the weights of text and image to 0") from error
    faiss.omp_set_num_threads(threads)
    width = vectors.shape[1]
    index = faiss.IndexFlatIP(width)
    if settings.kind == "approximate":
        cells = min(settings.cells or max(1, int(2 * len(vectors) ** 0.5)), len(vectors))
        index = faiss.IndexIVFFlat(index, width, cells, faiss.METRIC_INNER_PRODUCT)
        index.nprobe = min(settings.probes, cells)
        index.cp.seed, index.cp.max_points_per_centroid = seed % (1 << 31), _TRAINED
        index.cp.min_points_per_centroid = 1  # few vectors are no reason for a warning
        index.train(vectors)
    index.add(vectors)
    return Neighbours(index)
