"""Review text as TF-IDF over a small vocabulary that the train split chooses.

Words are taken in lower case. Hangul is cut into pairs of neighbouring syllables: Korean words carry their particles
and endings with them, and without a dictionary of morphemes a pair of syllables is what two forms of a word share.

The vocabulary is the ``terms`` best of those in at least ``min_count`` reviews. Best by ``signal``: by the size of the
t statistic of the correlation between a term's presence in a train review and that review's rating. Best by
``frequency``: in the most reviews, English stop words left out. Ties go to the term that comes first by code point.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS, CountVectorizer, TfidfVectorizer

from rankpipe.params import bounded

PRUNED_ABOVE = 1 << 20
"""Terms counted at a time: beyond, those in the fewest reviews so far are forgotten, and memory stays put."""
# One alternative a script, so that "좋은guitar" is two words.
_WORDS = re.compile(r"[가-힣]+|[^\W\d_가-힣]+(?:'[^\W\d_가-힣]+)?|\d+")


@dataclass(frozen=True)
class Text:
    """The block ``rating.features.text`` of params.yaml."""

    terms: int = bounded(100, low=1, high=10_000)
    min_count: int = bounded(5, low=1)
    """Train reviews that a term must be in."""
    select: str = bounded("signal", choices=("signal", "frequency"))


def words(text: str) -> list[str]:
    """Lower-case words and numbers of ``text`` in their order; Hangul words whole."""
    return _WORDS.findall(unicodedata.normalize("NFC", text).lower().replace("\u2019", "'"))


def terms(text: str) -> list[str]:
    """What the vocabulary counts: words, Hangul as pairs of syllables (a lone syllable as it is)."""
    found = []
    for word in words(text):
        if len(word) > 1 and "가" <= word[0] <= "힣":
            found.extend(word[i:i + 2] for i in range(len(word) - 1))
        else:
            found.append(word)
    return found


class TermCounts:
    """In how many reviews each term is, and the sum of their ratings, from one streaming pass."""

    def __init__(self, pruned_above: int = PRUNED_ABOVE) -> None:
        self.reviews, self.ratings, self.squares = 0, 0.0, 0.0
        self.found: dict[str, tuple[int, float]] = {}
        self.pruned_above = pruned_above

    def add(self, texts: Sequence[str], ratings: np.ndarray) -> None:
        """Takes in the next reviews; ``ratings`` (n,)."""
        ratings = ratings.astype(np.float64)
        self.reviews += len(texts)
        self.ratings += float(ratings.sum())
        self.squares += float((ratings**2).sum())
        vectorizer = CountVectorizer(analyzer=terms, binary=True, dtype=np.int32)
        if not any(map(words, texts)):
            return  # CountVectorizer takes reviews without a word for a fault
        matrix = vectorizer.fit_transform(texts)
        counts, sums = np.asarray(matrix.sum(0)).ravel().tolist(), (matrix.T @ ratings).tolist()
        for i, term in enumerate(vectorizer.get_feature_names_out().tolist()):
            count, total = self.found.get(term, (0, 0.0))
            self.found[term] = count + counts[i], total + sums[i]
        least = 1
        while len(self.found) > self.pruned_above:
            self.found = {term: seen for term, seen in self.found.items() if seen[0] > least}
            least += 1

    def best(self, settings: Text) -> dict[str, int]:
        """Term → reviews that it is in, of the chosen terms, by code point. May be fewer than asked for, or none."""
        kept = {t: seen for t, seen in self.found.items() if settings.min_count <= seen[0] < self.reviews}
        if settings.select == "frequency":
            value = {t: float(count) for t, (count, _) in kept.items() if t not in ENGLISH_STOP_WORDS}
        else:
            value = {t: self._signal(count, total) for t, (count, total) in kept.items()}
        chosen = sorted(value, key=lambda t: (-value[t], t))[:settings.terms]
        return {t: kept[t][0] for t in sorted(chosen)}

    def _signal(self, count: int, total: float) -> float:
        """|t| of the correlation, up to a factor that is the same for all terms of weak correlation: |r|, rounded so
        that the order of sums can't break a tie."""
        mean = self.ratings / self.reviews
        spread = max(self.squares / self.reviews - mean**2, 0.0)
        share = count / self.reviews
        if spread < 1e-12:
            return round(share * (1 - share), 9)  # ratings all alike: the most even terms
        return round(abs(total / self.reviews - share * mean) / (spread * share * (1 - share)) ** 0.5, 9)


class TextEncoder:
    """Reviews → L2-normed TF-IDF vectors with ``1 + ln tf`` and ``1 + ln((1 + N) / (1 + df))``."""

    def __init__(self, found: dict[str, int], reviews: int):
        self.found, self.reviews = found, reviews
        self.columns = tuple(found)
        counts = np.array(list(found.values()), np.float64)
        self._vectorizer = TfidfVectorizer(analyzer=terms, vocabulary={t: i for i, t in enumerate(found)},
                                           sublinear_tf=True, dtype=np.float64)
        self._vectorizer.idf_ = np.log((1 + reviews) / (1 + counts)) + 1

    @classmethod
    def fit(cls, blocks: Iterable[tuple[Sequence[str], np.ndarray]], settings: Text) -> "TextEncoder | None":
        """The encoder of the train split's (texts, ratings); None where no term is in enough reviews."""
        counts = TermCounts()
        for texts, ratings in blocks:
            counts.add(texts, ratings)
        found = counts.best(settings)
        return cls(found, counts.reviews) if found else None

    def __call__(self, texts: Sequence[str]) -> csr_matrix:
        """(n, T) float64 in [0, 1]; a review without a term of the vocabulary is a row of zeros."""
        return csr_matrix(self._vectorizer.transform(texts))
