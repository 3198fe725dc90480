"""Nearest neighbours by inner product, through faiss: all vectors looked at, or a walk through a graph of near ones
(HNSW, Malkov and Yashunin, 2020)."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe.errors import InputError
from rankpipe.params import bounded


@dataclass(frozen=True)
class Search:
    """How to search; all but ``kind`` is of the approximate one."""

    kind: str = bounded("exact", choices=("exact", "approximate"))
    links: int = bounded(16, low=2, high=128)
    """Neighbours that each vector is linked with; twice as many on the lowest level."""
    built: int = bounded(64, low=1)
    """Candidates held in sight while links are made."""
    walked: int = bounded(128, low=1)
    """The same while a query walks; as many as are asked for at least. More: found more surely, and slower."""


class Neighbours:
    """Vectors ready to be searched, all in memory."""

    def __init__(self, index: Any, walked: int | None = None):
        self._index, self._walked = index, walked

    def add(self, vectors: np.ndarray) -> None:
        """(C, d) float32 more, numbered on. A graph is made by one thread, so that it is the same each time."""
        faiss = _faiss("the search")
        threads = faiss.omp_get_max_threads()
        faiss.omp_set_num_threads(1)
        self._index.add(np.ascontiguousarray(vectors, np.float32))
        faiss.omp_set_num_threads(threads)

    def search(self, queries: np.ndarray, n: int) -> np.ndarray:
        """(q, n) int64 rows of greatest inner product with each of ``queries`` (q, d) float32, −1 where there are no
        more."""
        return self.nearest(queries, n)[1]

    def nearest(self, queries: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """(q, n) float32 inner products, greatest first, and rows as :meth:`search`."""
        if self._walked is not None:
            self._index.hnsw.efSearch = max(self._walked, n)
        return self._index.search(np.ascontiguousarray(queries, np.float32), n)

    def save(self, path: Path) -> None:
        """As a file of faiss; equal vectors added in equal blocks give equal bytes."""
        _faiss("the search").write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, walked: int = Search.walked) -> "Neighbours":
        """A graph that :meth:`save` wrote. faiss trusts the file: who calls has checked its hash.

        Raises:
            InputError: not a graph.
        """
        faiss = _faiss("the search")
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise InputError(f"{path}: not an index of faiss; run the stage that writes it again") from error
        if not isinstance(index, faiss.IndexHNSW):
            raise InputError(f"{path}: an index without a graph; run the stage that writes it again")
        return cls(index, walked)


def empty(dim: int, settings: Search, key: str = "the search") -> Neighbours:
    """No vectors yet, of ``dim`` numbers each.

    Args:
        key: of params.yaml, for the error.

    Raises:
        InputError: faiss isn't installed.
    """
    faiss = _faiss(key)
    if settings.kind == "exact":
        return Neighbours(faiss.IndexFlatIP(dim))
    index = faiss.IndexHNSWFlat(dim, settings.links, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = settings.built
    return Neighbours(index, settings.walked)


def build(vectors: np.ndarray, settings: Search, threads: int = 1, key: str = "the search") -> Neighbours:
    """
    Args:
        vectors: (C, d) float32.
        threads: that search.
        key: of params.yaml, for the error.

    Raises:
        InputError: faiss isn't installed.
    """
    found = empty(vectors.shape[1], settings, key)
    _faiss(key).omp_set_num_threads(threads)
    found.add(vectors)
    return found


def nearest(blocks: Iterable[np.ndarray], queries: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Exact, in the memory of one block: (q, m ≤ n) float32 inner products, greatest first, and int64 rows.

    Args:
        blocks: (b, d) float32 each, all vectors in order; d as of ``queries`` (q, d).
    """
    faiss, queries = _faiss("the search"), np.ascontiguousarray(queries, np.float32)
    best = np.zeros((len(queries), 0), np.float32)
    rows, first = np.zeros((len(queries), 0), np.int64), 0
    for block in blocks:
        values, places = faiss.knn(queries, np.ascontiguousarray(block, np.float32), min(n, len(block)),
                                   metric=faiss.METRIC_INNER_PRODUCT)
        best, rows = np.concatenate([best, values], 1), np.concatenate([rows, places + first], 1)
        # Equal products keep the order of the rows, whatever the blocks.
        order = np.lexsort((rows, -best))[:, :n]
        best, rows = np.take_along_axis(best, order, 1), np.take_along_axis(rows, order, 1)
        first += len(block)
    return best, rows


def _faiss(key: str) -> Any:
    try:
        import faiss
    except ImportError as error:
        raise InputError(f"{key}: faiss isn't installed ({error}); pip install faiss-cpu") from error
    return faiss
