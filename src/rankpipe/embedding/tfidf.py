"""The baseline that reads characters: a pair's similarity is the cosine of its TF-IDF vectors of character n-grams."""

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.params import bounded

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from sklearn.feature_extraction.text import TfidfVectorizer

FILE = "tfidf.h5"
"""In the model's folder."""


@dataclass(frozen=True)
class Params:
    """The block ``embedding.models.tfidf`` of params.yaml."""

    shortest: int = bounded(1, low=1, high=8)
    """Characters of an n-gram."""
    longest: int = bounded(2, low=1, high=8)
    sublinear: bool = False
    """1 + log of a term's count in place of the count."""

    def __post_init__(self) -> None:
        if self.shortest > self.longest:
            raise ValueError(f"shortest is {self.shortest}, longest {self.longest}; the shortest may not be longer")


class TfIdf:
    """Unit vectors of character n-grams, spaces among them, in lower case; idf as scikit-learn's, smoothed."""

    def __init__(self, params: Params, terms: Sequence[str], idf: np.ndarray):
        """terms: n-grams in the order of the columns; idf: (V,) of each."""
        self.params, self.terms, self.idf = params, list(terms), np.asarray(idf, np.float64)
        self._vectorizer = _vectorizer(params, self.terms)
        self._vectorizer.idf_ = self.idf

    @classmethod
    def fit(cls, texts: Iterable[str], params: Params) -> "TfIdf":
        """Learns n-grams and their idf.

        Raises:
            InputError: the texts hold none.
        """
        vectorizer = _vectorizer(params)
        try:
            vectorizer.fit(texts)
        except ValueError as error:
            raise InputError(f"tfidf: no text to learn {params.shortest}- to {params.longest}-grams from ({error}); "
                             "see embedding.source in params.yaml") from error
        return cls(params, vectorizer.get_feature_names_out().tolist(), vectorizer.idf_)

    def vectors(self, texts: Iterable[str]) -> "csr_matrix":
        """(n, V) float32 rows of length 1; a text without a known n-gram is a row of zeros."""
        return self._vectorizer.transform(texts)

    def cosine(self, first: Sequence[str], second: Sequence[str]) -> np.ndarray:
        """(n,) float32 cosine of each pair, 0 to 1."""
        if not len(first):
            return np.zeros(0, np.float32)
        return np.asarray(self.vectors(first).multiply(self.vectors(second)).sum(axis=1), np.float32).ravel()

    def save(self, folder: Path) -> None:
        """Writes the file of the model into ``folder``, which is there."""
        with ArraysWriter(folder / FILE) as writer:
            writer.words("terms", self.terms)
            writer.put("idf", self.idf)
            writer.put("ngrams", np.array([self.params.shortest, self.params.longest, self.params.sublinear], np.int64))

    @classmethod
    def load(cls, folder: Path) -> "TfIdf":
        """Raises InputError: missing or damaged."""
        with ArraysReader(folder / FILE, "train the model again") as reader:
            shortest, longest, sublinear = reader.read("ngrams").tolist()
            return cls(Params(shortest, longest, bool(sublinear)), reader.words("terms"), reader.read("idf"))


def _vectorizer(params: Params, terms: Sequence[str] | None = None) -> "TfidfVectorizer":
    from sklearn.feature_extraction.text import TfidfVectorizer  # a second, paid only where texts are read

    return TfidfVectorizer(analyzer="char", ngram_range=(params.shortest, params.longest), preprocessor=_plain,
                           sublinear_tf=params.sublinear, vocabulary=terms, dtype=np.float32)


def _plain(text: str) -> str:
    return unicodedata.normalize("NFC", text).lower()
