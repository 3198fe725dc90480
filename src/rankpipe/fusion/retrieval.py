"""Candidate generation: which of all candidates are worth ranking for a query, by words and by vectors.

Words: BM25 over the texts of the whole catalogue. Vectors: text and image of a candidate end to end, searched by faiss
(Douze et al., 2024), exactly or through a graph of near ones. What either finds is scored by both:
score = w_words · BM25 / best BM25 + w_text · cosine of texts + w_image · cosine of query and image. Maximal marginal
relevance (Carbonell and Goldstein, SIGIR 1998) may then trade some of it for variety.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe import params, paths
from rankpipe.data import neighbours
from rankpipe.data.bm25 import BM25
from rankpipe.data.neighbours import Neighbours, Search
from rankpipe.errors import InputError
from rankpipe.fusion import dataset, encoders, vectors
from rankpipe.fusion.dataset import TRACK, Candidates
from rankpipe.fusion.vectors import Vectors
from rankpipe.io.arrays import ArraysReader
from rankpipe.params import bounded

KEY = "params.yaml: fusion.retrieve"
FOUND, RECALL = "found.h5", "recall.json"


@dataclass(frozen=True)
class Weights:
    """Of the parts of a score; a part of weight 0 isn't asked."""

    words: float = bounded(1.0, low=0)
    text: float = bounded(0.1, low=0)
    image: float = bounded(0.3, low=0)

    def __post_init__(self) -> None:
        if self.words + self.text + self.image == 0:
            raise ValueError("all three are 0; something has to find candidates")

    @property
    def by_vectors(self) -> bool:
        return self.text + self.image > 0


@dataclass(frozen=True)
class Retrieve:
    """The block ``fusion.retrieve`` of params.yaml."""

    top: int = bounded(100, low=1)
    """Candidates kept for each query."""
    pool: int = bounded(200, low=1)
    """Candidates that words, and vectors, each put up; ``top`` at least."""
    weights: Weights = field(default_factory=Weights)
    diversity: float = bounded(0.0, low=0, below=1)
    """Share of MMR's trade that goes to variety; 0: none."""
    search: Search = field(default_factory=Search)
    relevant: int = bounded(2, low=1, high=3)
    """Grade from which recall counts a candidate."""


@dataclass(frozen=True)
class Index:
    """The catalogue, ready to be searched."""

    settings: Retrieve
    bm25: BM25
    words: csr_matrix
    """(V, C) float64 weight of each word in each text."""
    vectors: np.ndarray
    """(C, d_t + d_i) float32"""
    near: Neighbours | None

    @classmethod
    def build(cls, candidates: Candidates, held: Vectors, settings: Retrieve, threads: int = 1) -> Self:
        """Of ``candidates`` and their vectors in ``held``."""
        # Frequencies of words in the catalogue are no judgement of anybody: nothing of valid or test is learnt.
        bm25 = BM25.fit(candidates.texts)
        texts = csr_matrix(bm25.of_texts(candidates.texts).T)
        wide = held.text if held.query_image is None else np.concatenate([held.text, held.image], 1)
        wide = np.ascontiguousarray(wide, np.float32)
        near = neighbours.build(wide, settings.search, threads, KEY) if settings.weights.by_vectors else None
        return cls(settings, bm25, texts, wide, near)

    def search(self, texts: Sequence[str], query: np.ndarray, query_image: np.ndarray | None, n: int,
               ) -> tuple[np.ndarray, np.ndarray]:
        """
        Args:
            texts: of q queries.
            query: (q, d_t) their vectors; ``query_image`` (q, d_i) or None, as the vectors that it was built from.

        Returns:
            ((q, n) int32 codes, (q, n) float32 scores): best first, or as MMR takes them; of equal ones the lower code
            comes first. −1 and −inf where there are no more.
        """
        weights, pool = self.settings.weights, max(n, self.settings.pool)
        parts = [query * np.float32(weights.text)]
        if query_image is not None:
            parts.append(query_image * np.float32(weights.image))
        asked = np.ascontiguousarray(np.concatenate(parts, 1), np.float32)
        near = np.zeros((len(texts), 0), np.int64)
        if self.near is not None and weights.by_vectors:
            near = self.near.search(asked, pool)
        words = self.bm25.of_queries(texts)
        codes, scores = np.full((len(texts), n), -1, np.int32), np.full((len(texts), n), -np.inf, np.float32)
        for i in range(len(texts)):
            found, score = self._blended(words[i], asked[i], near[i][near[i] >= 0], pool)
            chosen = self._diverse(found, score, n) if self.settings.diversity else best(score, found, n)
            codes[i, :len(chosen)], scores[i, :len(chosen)] = found[chosen], score[chosen]
        return codes, scores

    def _blended(self, words: csr_matrix, asked: np.ndarray, near: np.ndarray, pool: int,
                 ) -> tuple[np.ndarray, np.ndarray]:
        """((p,) codes rising, (p,) float64 scores) of what words or vectors put up."""
        weight = self.settings.weights.words
        hits = words @ self.words if weight else csr_matrix((1, len(self.vectors)))
        hits.sort_indices()
        top = hits.indices[best(hits.data, hits.indices, pool)]
        found = np.union1d(top, near)
        score = self.vectors[found].astype(np.float64) @ asked.astype(np.float64)
        if len(hits.data):
            at = np.minimum(np.searchsorted(hits.indices, found), len(hits.indices) - 1)
            bm25 = np.where(hits.indices[at] == found, hits.data[at], 0.0)
            score += weight * bm25 / max(float(hits.data.max()), 1e-12)
        return found, score

    def _diverse(self, found: np.ndarray, score: np.ndarray, n: int) -> np.ndarray:
        scale = self.settings.weights.words + self.settings.weights.text + self.settings.weights.image
        rows = self.vectors[found].astype(np.float64)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        return mmr(score / scale, rows / np.where(norms > 0, norms, 1), self.settings.diversity, n)


def best(scores: np.ndarray, codes: np.ndarray, n: int) -> np.ndarray:
    """Places of the ``n`` greatest of ``scores`` (p,), greatest first; of equal ones the lower of ``codes`` first."""
    some = np.arange(len(scores))
    if n < len(scores):
        some = np.flatnonzero(scores >= np.partition(scores, len(scores) - n)[len(scores) - n])
    return some[np.lexsort((codes[some], -scores[some]))][:n]


def mmr(scores: np.ndarray, rows: np.ndarray, diversity: float, n: int) -> np.ndarray:
    """Places of up to ``n`` items, each the one of greatest (1 − diversity) · score − diversity · (the greatest cosine
    with an item taken before); of equal ones the first.

    Args:
        scores: (p,).
        rows: (p, d) of length 1, or 0.
    """
    taken, left = [], np.ones(len(scores), bool)
    closest = np.zeros(len(scores))
    for step in range(min(n, len(scores))):
        worth = np.where(left, (1 - diversity) * scores - diversity * closest, -np.inf)
        one = int(worth.argmax())
        taken.append(one)
        left[one] = False
        cosine = rows @ rows[one]
        closest = cosine if step == 0 else np.maximum(closest, cosine)
    return np.array(taken, np.int64)


def recall_at_n(found: np.ndarray, offsets: np.ndarray, relevant: np.ndarray, n: int) -> np.ndarray:
    """(q,) float64 share of each query's relevant candidates among the first ``n`` found; NaN where it has none.

    Args:
        found: (q, N) codes, −1 = none, N ≥ n.
        offsets: (q + 1,) where each query's codes in ``relevant`` begin.
    """
    if found.shape[1] < n:
        raise ValueError(f"recall at {n} of {found.shape[1]} found")
    lengths = np.diff(offsets)
    shares = [np.isin(relevant[a:b], row[:n]).mean() if b > a else np.nan
              for row, a, b in zip(found, offsets[:-1], offsets[1:], strict=True)]
    return np.array(shares, np.float64).reshape(len(lengths))


def settings_of(values: dict) -> Retrieve:
    """The block as it stands in ``values``, the whole of params.yaml."""
    return params.block(Retrieve, params.get(values, "fusion.retrieve"), KEY)


def retrieved(size: str, codes: np.ndarray, n: int) -> np.ndarray:
    """(q, n) int32 codes of candidates for the queries ``codes`` (q,), best first, −1 where there are no more.

    What the stage kept is taken as it is; where it kept fewer than ``n``, the catalogue is searched again.

    Raises:
        InputError: retrieve hasn't run, or a file is damaged.
    """
    path = paths.retrieved(size, TRACK) / FOUND
    with ArraysReader(path, "run retrieve (dvc repro)") as file:
        kept = file.read("candidates")
    if len(codes) and codes.max() >= len(kept):
        raise InputError(f"{path}: holds {len(kept)} queries, query {int(codes.max())} was asked; run retrieve again")
    if kept.shape[1] >= n:
        return kept[codes, :n]
    data = dataset.read(size)
    return found_for(size, [data.queries.texts[i] for i in codes.tolist()], n)


def found_for(size: str, texts: Sequence[str], n: int) -> np.ndarray:
    """As :func:`retrieved`, for queries of any text. Builds the index, which takes a while for a large catalogue."""
    values = params.load()
    held, data = vectors.read(size), dataset.read(size)
    index = Index.build(data.candidates, held, settings_of(values), int(values.get("threads", 1)))
    query, query_image = encoders.load(paths.features(size, TRACK)).queries(texts)
    return index.search(texts, query, query_image, n)[0]
