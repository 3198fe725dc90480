"""BM25 worked by hand."""

import numpy as np

from rankpipe.data.bm25 import BM25, words

TEXTS = ["Red disc", "red, RED square", None]
"""N = 2 texts, 2.5 words each on average: k₁ (1 − b + b · length / mean) is 1.02 for the first, 1.38 for the second."""
RED, DISC = np.log(1.2), np.log(2)
"""idf: ln(1 + ½ / 2½) of a word of both, ln(1 + 1½ / 1½) of a word of one."""


def test_scores_worked_by_hand():
    bm25 = BM25.fit(TEXTS)
    assert bm25.mean_length == 2.5 and list(bm25.vocabulary) == ["disc", "red", "square"]
    found = bm25.of_queries(["red disc", "disc disc", "blue"]) @ bm25.of_texts(TEXTS).T
    disc = DISC * 2.2 / 2.02
    expected = [[RED * 2.2 / 2.02 + disc, RED * 4.4 / 3.38, 0], [2 * disc, 0, 0], [0, 0, 0]]
    np.testing.assert_allclose(found.toarray(), expected, rtol=1e-12)


def test_pairs_are_the_product_row_by_row():
    bm25 = BM25.fit(TEXTS)
    queries, texts = bm25.of_queries(["red disc", "square red", "disc"]), bm25.of_texts(TEXTS)
    np.testing.assert_allclose(bm25.pairs(queries, texts), np.diag((queries @ texts.T).toarray()), rtol=1e-12)


def test_no_word_is_worth_less_than_nothing_and_no_text_no_fault():
    assert (BM25.fit(["a b", "a", "a c"]).idf > 0).all()
    empty = BM25.fit([None, ""])
    assert empty.of_texts(["a"]).shape == (1, 0) and (empty.of_queries(["a"]) @ empty.of_texts(["a"]).T).sum() == 0


def test_words_are_runs_of_letters_in_any_script():
    assert words("A red-disc, №3: 빨간 원!") == ["a", "red", "disc", "3", "빨간", "원"]
