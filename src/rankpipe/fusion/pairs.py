"""Named features of a pair of query and candidate, for models that read no vectors and for those that read both.

A feature of a missing modality is 0, and its flag says so; none depends on the order in which candidates are given.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.data.bm25 import BM25, words
from rankpipe.fusion.dataset import Dataset, Slates

if TYPE_CHECKING:
    from rankpipe.fusion.vectors import Vectors

FEATURES = ("attribute_denied", "attribute_gaps", "attribute_matches", "attribute_named", "attribute_violations",
            "bm25", "has_attributes", "has_image", "has_text", "image_query_cosine", "popularity", "text_query_cosine")
_ROWS = 1 << 14


@dataclass(frozen=True)
class PairFeatures:
    """What features need of a data set, made once."""

    data: Dataset
    vectors: "Vectors"
    bm25: BM25
    """Fitted on the texts of train's candidates."""
    texts: csr_matrix
    """(C, V)"""
    asked: csr_matrix
    """(Q, V)"""
    named: csr_matrix
    """(Q, T) 1 where the query's text holds all words of a value, T values of all attributes end to end."""
    starts: np.ndarray
    """(A + 1,) where each attribute's values begin."""
    on_attribute: np.ndarray
    """(Q, A) bool: the query's text names any value of the attribute."""

    @classmethod
    def of(cls, data: Dataset, vectors: "Vectors", bm25: BM25 | None = None) -> "PairFeatures":
        """
        Args:
            bm25: as fitted before; None fits it on the texts of train's candidates.
        """
        texts = data.candidates.texts
        bm25 = bm25 or BM25.fit(texts[i] for i in data.judged("train").tolist())
        return cls.asking(data, vectors, bm25, bm25.of_texts(texts))

    @classmethod
    def asking(cls, data: Dataset, vectors: "Vectors", bm25: BM25, texts: csr_matrix) -> "PairFeatures":
        """For the queries of ``data``, where the words of its candidates' texts (C, V) are known."""
        named, starts = _named(data)
        rows, columns = named.nonzero()
        on_attribute = np.zeros((len(data.queries), len(starts) - 1), bool)
        on_attribute[rows, np.searchsorted(starts, columns, "right") - 1] = True
        return cls(data, vectors, bm25, texts, bm25.of_queries(data.queries.texts), named, starts, on_attribute)

    def __call__(self, queries: np.ndarray, slates: Slates) -> np.ndarray:
        """(m, F) float32 in the order of ``FEATURES``.

        Args:
            queries: (q,) code of each slate's query.
        """
        of = queries[slates.queries]
        parts = [self._rows(of[i:i + _ROWS], slates.candidates[i:i + _ROWS]) for i in range(0, len(of), _ROWS)]
        return np.concatenate(parts or [np.zeros((0, len(FEATURES)), np.float32)])

    def _rows(self, queries: np.ndarray, candidates: np.ndarray) -> np.ndarray:
        held, vectors = self.data.candidates, self.vectors
        codes, wanted = held.codes[candidates], self.data.queries.constraints[queries]
        bound, known = wanted >= 0, codes >= 0
        there = {name: getattr(vectors, f"{name}_present")[candidates] for name in ("image", "text", "attributes")}
        row, attribute = known.nonzero()
        at = self.starts[attribute] + codes[row, attribute]
        if len(self.data.queries) == 1:  # a server asks one query at a time, and sparse rows cost more than they save
            hits = np.bincount(row, self.named.toarray()[0][at], len(codes))
            bm25 = self.texts[candidates] @ self.asked.toarray()[0]
        else:
            held_values = csr_matrix((np.ones(len(at)), (row, at)), (len(codes), self.starts[-1]))
            hits = np.asarray(self.named[queries].multiply(held_values).sum(1)).ravel()
            bm25 = self.bm25.pairs(self.asked[queries], self.texts[candidates])
        found = {
            "attribute_matches": (bound & (codes == wanted)).sum(1),
            "attribute_violations": (bound & known & (codes != wanted)).sum(1),
            "attribute_gaps": (bound & ~known).sum(1),
            "attribute_named": hits,
            "attribute_denied": (self.on_attribute[queries] & known).sum(1) - hits,
            "bm25": np.where(there["text"], bm25, 0.0),
            "text_query_cosine": _cosine(vectors.query[queries], vectors.text[candidates], there["text"]),
            "image_query_cosine": _image_cosine(vectors, queries, candidates, there["image"]),
            "popularity": held.popularity[candidates],
            **{f"has_{name}": present for name, present in there.items()},
        }
        return np.stack([np.asarray(found[name], np.float32) for name in FEATURES], 1)


def _cosine(a: np.ndarray, b: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(m,) of row i of one with row i of the other; 0 where there is none, or a vector is zero."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    norms = np.linalg.norm(a, axis=1) * np.linalg.norm(b, axis=1)
    return np.where(there & (norms > 0), (a * b).sum(1) / np.where(norms > 0, norms, 1.0), 0.0)


def _image_cosine(vectors: "Vectors", queries: np.ndarray, candidates: np.ndarray, there: np.ndarray) -> np.ndarray:
    if vectors.query_image is None:  # an image encoder without a text tower
        return np.zeros(len(queries))
    return _cosine(vectors.query_image[queries], vectors.image[candidates], there)


def _named(data: Dataset) -> tuple[csr_matrix, np.ndarray]:
    """(Q, T) and (A + 1,), see :class:`PairFeatures`."""
    held = data.candidates.attributes
    starts = np.cumsum([0, *(len(values) for values in held.values())])
    by_word: dict[str, list[tuple[int, set[str]]]] = {}
    for i, value in enumerate(value for values in held.values() for value in values):
        of = words(value)
        if of:
            by_word.setdefault(of[0], []).append((i, set(of)))
    found = []
    for row, text in enumerate(data.queries.texts):
        asked = set(words(text))
        found += [(row, i) for word in asked for i, of in by_word.get(word, ()) if of <= asked]
    rows, columns = (np.array([pair[k] for pair in found], np.int64) for k in (0, 1))
    return csr_matrix((np.ones(len(found)), (rows, columns)), (len(data.queries), starts[-1])), starts
