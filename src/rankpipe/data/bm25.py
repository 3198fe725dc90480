"""BM25 (Robertson et al., TREC-3, 1994) as a product of sparse matrices: score = Σ over the query's words w of
idf(w) · f (k₁ + 1) / (f + k₁ (1 − b + b · length / mean length)), f how often w stands in the text.

idf(w) = ln(1 + (N − n + ½) / (n + ½)), as Lucene has it, is never negative: a word of most texts still counts for, not
against, a candidate.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

_WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    """Runs of letters and digits, in lower case."""
    return _WORD.findall(text.lower())


@dataclass(frozen=True)
class BM25:
    """Fitted on N texts."""

    vocabulary: dict[str, int]
    """V words, sorted → column."""
    idf: np.ndarray
    """(V,) float64"""
    mean_length: float
    """Words of a text."""
    k1: float = 1.2
    b: float = 0.75

    @classmethod
    def fit(cls, texts: Iterable[str | None], k1: float = 1.2, b: float = 0.75) -> Self:
        """Counts in how many texts each word stands; None is no text."""
        held, count, length = Counter(), 0, 0
        for text in texts:
            if text is not None:
                found = words(text)
                held.update(set(found))
                count, length = count + 1, length + len(found)
        vocabulary = {word: i for i, word in enumerate(sorted(held))}
        n = np.array([held[word] for word in vocabulary], np.float64)
        return cls(vocabulary, np.log1p((count - n + 0.5) / (n + 0.5)), length / max(count, 1), k1, b)

    def of_texts(self, texts: Sequence[str | None]) -> csr_matrix:
        """(n, V) float64 weights of the words in each text; an empty row for None, and for words unknown to the fit."""
        counted = [Counter(words(text or "")) for text in texts]
        lengths = np.array([sum(found.values()) for found in counted], np.float64)
        matrix = self._matrix(counted)
        norm = self.k1 * (1 - self.b + self.b * lengths / max(self.mean_length, 1e-9))
        of = np.repeat(norm, np.diff(matrix.indptr))
        matrix.data = self.idf[matrix.indices] * matrix.data * (self.k1 + 1) / (matrix.data + of)
        return matrix

    def of_queries(self, queries: Sequence[str]) -> csr_matrix:
        """(q, V) float64 how often each word stands in each query. Scores of all pairs: ``queries @ texts.T``."""
        return self._matrix([Counter(words(query)) for query in queries])

    def pairs(self, queries: csr_matrix, texts: csr_matrix) -> np.ndarray:
        """(m,) float64 score of row i of one with row i of the other."""
        return np.asarray(queries.multiply(texts).sum(1)).ravel()

    def _matrix(self, counted: list[Counter]) -> csr_matrix:
        rows = [sorted((self.vocabulary[w], n) for w, n in found.items() if w in self.vocabulary) for found in counted]
        ends = np.cumsum([0, *(len(row) for row in rows)])
        columns = np.array([column for row in rows for column, _ in row], np.int32)
        counts = np.array([n for row in rows for _, n in row], np.float64)
        return csr_matrix((counts, columns, ends), (len(rows), len(self.vocabulary)))
