"""The baseline that reads characters."""

from pathlib import Path

import numpy as np
import pytest

from rankpipe.embedding.tfidf import FILE, Params, TfIdf
from rankpipe.errors import InputError

TEXTS = ["책을 읽다", "밥을 먹다", "책을 사다", "길을 걷다"]


def test_cosine_by_hand() -> None:
    model = TfIdf.fit(["가나", "가다"], Params(longest=1))
    # idf of 가 is 1, of 나 and 다 log(3/2) + 1: the two texts share 가 only.
    rare = np.log(3 / 2) + 1
    assert model.cosine(["가나", "가나"], ["가다", "가나"]) == pytest.approx([1 / (1 + rare**2), 1.0], rel=1e-6)
    assert model.terms == ["가", "나", "다"]


def test_case_and_composition_do_not_count_and_unknown_text_is_like_nothing() -> None:
    model = TfIdf.fit([*TEXTS, "abc"], Params())
    apart = "\u110e\u1162\u11a8\u110b\u1173\u11af"
    assert model.cosine(["ABC", "책을", "xyz"], ["abc", apart, "책을"]) == pytest.approx([1, 1, 0], abs=1e-6)
    assert model.cosine([], []).shape == (0,)


def test_a_saved_model_is_the_same_and_equal_models_have_equal_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        TfIdf.fit(TEXTS, Params(sublinear=True)).save(tmp_path / name)
        written.append((tmp_path / name / FILE).read_bytes())
    assert written[0] == written[1]
    model, again = TfIdf.fit(TEXTS, Params(sublinear=True)), TfIdf.load(tmp_path / "one")
    assert np.array_equal(model.cosine(TEXTS, TEXTS[::-1]), again.cosine(TEXTS, TEXTS[::-1]))
    assert again.params == model.params


def test_what_it_cannot_learn_from_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"embedding\.source"):
        TfIdf.fit([], Params())
    with pytest.raises(ValueError, match="shortest"):
        Params(shortest=3, longest=2)
    with pytest.raises(InputError, match="not found; train the model again"):
        TfIdf.load(tmp_path)
