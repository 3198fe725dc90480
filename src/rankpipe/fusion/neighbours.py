"""Nearest neighbours by inner product, through faiss: all vectors looked at, or a walk through a graph of near ones
(HNSW, Malkov and Yashunin, 2020)."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from rankpipe.errors import InputError
from rankpipe.params import bounded


@dataclass(frozen=True)
class Search:
    """The block ``fusion.retrieve.search`` of params.yaml; all but ``kind`` is of the approximate one."""

    kind: str = bounded("exact", choices=("exact", "approximate"))
    links: int = bounded(16, low=2, high=128)
    """Neighbours that each vector is linked with; twice as many on the lowest level."""
    built: int = bounded(64, low=1)
    """Candidates held in sight while links are made."""
    walked: int = bounded(128, low=1)
    """The same while a query walks; as many as are asked for at least. More: found more surely, and slower."""


class Neighbours:
    """Vectors ready to be searched."""

    def __init__(self, index: Any, walked: int | None = None):
        self._index, self._walked = index, walked

    def search(self, queries: np.ndarray, n: int) -> np.ndarray:
        """(q, n) int64 rows of greatest inner product with each of ``queries`` (q, d) float32, −1 where there are no
        more."""
        if self._walked is not None:
            self._index.hnsw.efSearch = max(self._walked, n)
        return self._index.search(np.ascontiguousarray(queries, np.float32), n)[1]


def build(vectors: np.ndarray, settings: Search, threads: int = 1) -> Neighbours:
    """
    Args:
        vectors: (C, d) float32.
        threads: that search; a graph is made by one, so that it is the same each time.

    Raises:
        InputError: faiss isn't installed.
    """
    try:
        import faiss
    except ImportError as error:
        raise InputError(f"params.yaml: fusion.retrieve: faiss isn't installed ({error}); pip install faiss-cpu, or "
                         "set the weights of text and image to 0") from error
    faiss.omp_set_num_threads(1)
    if settings.kind == "exact":
        index = faiss.IndexFlatIP(vectors.shape[1])
    else:
        index = faiss.IndexHNSWFlat(vectors.shape[1], settings.links, faiss.METRIC_INNER_PRODUCT)
        index.hnsw.efConstruction = settings.built
    index.add(vectors)
    faiss.omp_set_num_threads(threads)
    return Neighbours(index, None if settings.kind == "exact" else settings.walked)
