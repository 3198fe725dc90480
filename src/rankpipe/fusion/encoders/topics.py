"""Texts as TF-IDF of words and pairs of neighbouring words, brought to few numbers by a truncated singular value
decomposition (latent semantic analysis, Deerwester et al., 1990)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Self

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.data.bm25 import words
from rankpipe.fusion.encoders.reduction import fixed_signs, unit


def terms(text: str) -> list[str]:
    """Words in lower case, and "red disc" for each pair of neighbours."""
    found = words(text)
    return found + [f"{a} {b}" for a, b in pairwise(found)]


@dataclass(frozen=True)
class Topics:
    """Fitted on N texts; gives d numbers of length 1, or 0 where no term is known."""

    vocabulary: list[str]
    """V terms, sorted."""
    idf: np.ndarray
    """(V,) float64: 1 + ln((1 + N) / (1 + n))"""
    axes: np.ndarray
    """(V, d) float64"""

    @classmethod
    def fit(cls, texts: Sequence[str], dims: int, least: int, most: int, seed: int) -> Self:
        """
        Args:
            least: texts that a term must stand in.
            most: terms that are kept, those of most texts.
        """
        from sklearn.utils.extmath import randomized_svd  # slow to load, and no server needs it

        held: Counter[str] = Counter()
        for text in texts:
            held.update(set(terms(text)))
        kept = sorted((-n, term) for term, n in held.items() if n >= least)[:most]
        vocabulary = sorted(term for _, term in kept)
        idf = 1 + np.log((1 + len(texts)) / (1 + np.array([held[term] for term in vocabulary], np.float64)))
        if not vocabulary:
            return cls([], idf, np.zeros((0, 1)))
        plain = cls(vocabulary, idf, np.zeros((len(vocabulary), 1)))
        matrix = plain.weights(texts)
        found = min(dims, *matrix.shape)
        _, values, axes = randomized_svd(matrix, found, n_iter=7, random_state=seed % (1 << 32))
        some = max(1, int((values > 1e-9 * values[0]).sum()))
        return cls(vocabulary, idf, fixed_signs(axes[:some].T))

    @cached_property
    def _places(self) -> dict[str, int]:
        return {term: i for i, term in enumerate(self.vocabulary)}

    def weights(self, texts: Sequence[str | None]) -> csr_matrix:
        """(n, V) float64 rows of length 1: (1 + ln how often) · idf."""
        counted = [Counter(self._places[term] for term in terms(text or "") if term in self._places) for text in texts]
        ends = np.cumsum([0, *map(len, counted)])
        columns = np.array([i for found in counted for i in sorted(found)], np.int32)
        counts = np.array([found[i] for found in counted for i in sorted(found)], np.float64)
        matrix = csr_matrix((counts, columns, ends), (len(texts), len(self.vocabulary)))
        matrix.data = (1 + np.log(matrix.data)) * self.idf[matrix.indices]
        norms = np.sqrt(np.asarray(matrix.multiply(matrix).sum(1)).ravel())
        matrix.data /= np.repeat(norms, np.diff(matrix.indptr))
        return matrix

    def __call__(self, texts: Sequence[str | None]) -> np.ndarray:
        """(n, d) float32."""
        return unit(self.weights(texts) @ self.axes).astype(np.float32)
