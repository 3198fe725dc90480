"""The vocabulary of review text and its TF-IDF, by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from rankpipe.rating.text import TermCounts, Text, TextEncoder, terms

TEXTS = ["good guitar", "good good strings", "bad strings", "bad guitar", "the pick", "the pick"]
RATINGS = np.array([5, 5, 1, 1, 3, 3], np.float32)


@pytest.mark.parametrize(("text", "expected"), [
    ("", []),
    ("Don\u2019t STOP, it's #1!", ["don't", "stop", "it's", "1"]),
    ("맛있어요", ["맛있", "있어", "어요"]),
    ("양 많고guitar2개", ["양", "많고", "guitar", "2", "개"]),
    ("한", ["한"]),  # decomposed jamo are the same syllable
])
def test_terms(text, expected):
    assert terms(text) == expected


def test_signal_prefers_what_goes_with_the_rating():
    encoder = TextEncoder.fit([(TEXTS[:3], RATINGS[:3]), (TEXTS[3:], RATINGS[3:])], Text(terms=2, min_count=2))
    assert encoder.found == {"bad": 2, "good": 2}


def test_frequency_leaves_stop_words_out_and_breaks_ties_by_code_point():
    encoder = TextEncoder.fit([(TEXTS, RATINGS)], Text(terms=3, min_count=2, select="frequency"))
    assert list(encoder.found) == ["bad", "good", "guitar"]


def test_signal_is_the_correlation_of_presence_and_rating():
    counts = TermCounts()
    counts.add(TEXTS, RATINGS)
    for term in ("good", "guitar", "pick"):
        present = [term in text.split() for text in TEXTS]
        assert counts._signal(*counts.found[term]) == pytest.approx(abs(np.corrcoef(present, RATINGS)[0, 1]), abs=1e-8)


def test_blocks_make_no_difference_and_memory_is_bounded():
    whole, parts = TermCounts(), TermCounts()
    whole.add(TEXTS, RATINGS)
    for text, rating in zip(TEXTS, RATINGS, strict=True):
        parts.add([text], np.array([rating]))
    assert whole.found == parts.found
    small = TermCounts(pruned_above=4)
    for i in range(50):
        small.add(["always", f"once{i}"], np.ones(2))
        assert len(small.found) <= 4
    assert small.found["always"][0] == 50


def test_vectors_are_those_of_scikit_learn():
    encoder = TextEncoder.fit([(TEXTS, RATINGS)], Text(terms=100, min_count=1))
    peer = TfidfVectorizer(sublinear_tf=True).fit(TEXTS)
    assert list(peer.get_feature_names_out()) == list(encoder.columns)
    assert np.allclose(encoder(TEXTS).toarray(), peer.transform(TEXTS).toarray())


def test_a_review_of_unknown_words_is_zeros_and_no_vocabulary_is_none():
    encoder = TextEncoder.fit([(TEXTS, RATINGS)], Text(terms=1, min_count=2))
    assert encoder(["xylophone", ""]).nnz == 0
    assert TextEncoder.fit([(["", "..."], np.ones(2))], Text()) is None
