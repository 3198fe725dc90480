"""Aspect scorers: the lexicon's rules by hand, and a classifier with weights drawn on the spot."""

import json
from pathlib import Path

import numpy as np
import pytest

from rankpipe.errors import InputError
from rankpipe.params import block
from rankpipe.rating.aspects import ASPECTS, COLUMNS, Aspects, scorer
from rankpipe.rating.aspects.lexicon import LexiconScorer


@pytest.fixture(scope="module")
def lexicon():
    return LexiconScorer()


def scored(judge, text):
    row = judge([text]).tocoo()
    return {judge.columns[c]: float(v) for c, v in zip(row.col, row.data, strict=True)}


@pytest.mark.parametrize(("text", "expected"), [
    ("", {}),
    ("We came on a Monday", {}),
    ("delicious", {"taste/positive": 1}),
    ("The food was great", {"taste/positive": 1}),
    ("The food was not great", {"taste/negative": 1}),
    ("The food wasn't great", {"taste/negative": 1}),
    ("They have parking", {"parking/neutral": 1}),
    ("Parking is terrible", {"parking/negative": 1}),
    # "friendly" speaks of service and lends nothing to parking, however near.
    ("Friendly staff but parking was on the street", {"service/positive": .5, "service/neutral": .5,
                                                      "parking/neutral": 1}),
    # A polarity doesn't reach into the next sentence.
    ("The price. Great!", {"price/neutral": 1}),
    ("OVERPRICED", {"price/negative": 1}),
    ("Cheap but dirty and not clean", {"price/positive": 1, "cleanliness/negative": 1}),
    ("맛있어요", {"taste/positive": 1}),
    ("맛있지 않아요", {"taste/negative": 1}),
    ("안 비싸요", {"price/positive": 1}),
    ("직원이 불친절해요", {"service/neutral": .5, "service/negative": .5}),
    ("주차가 힘들어요", {"parking/negative": 1}),
])
def test_lexicon_by_hand(lexicon, text, expected):
    assert scored(lexicon, text) == expected


def test_an_aspects_shares_add_up_to_one(lexicon):
    rows = lexicon(["good food, bad taste, rude staff, friendly waiter", "price price cheap"]).toarray()
    totals = rows.reshape(2, len(ASPECTS), 3).sum(2)
    assert np.isin(totals, [0, 1]).all() and totals.any()


def test_every_aspect_can_be_told_in_both_languages():
    folder = Path(__file__).parents[1] / "src/rankpipe/rating/aspects"
    for language in ("english", "korean"):
        lines = [line.split("\t") for line in (folder / f"{language}.tsv").read_text("utf-8").splitlines()
                 if not line.startswith("#")]
        assert {line[0] for line in lines} == {*ASPECTS, "opinion", "negation"}
        words = [(aspect, word) for aspect, _, listed in lines for word in listed.split()]
        assert len(words) == len(set(words)), "a word stands twice for one aspect"


def test_a_text_scores_the_same_whatever_stands_beside_it(lexicon):
    texts = ["great food", "빠른 배송", "noisy and cramped", ""]
    together = lexicon(texts).toarray()
    assert np.array_equal(together, np.concatenate([lexicon([t]).toarray() for t in texts]))
    assert together.shape == (4, len(COLUMNS)) == (4, 51)


@pytest.mark.parametrize(("values", "said"), [
    ({"scorer": "transformers"}, "model goes with scorer"),
    ({"scorer": "lexicon", "model": "x"}, "model goes with scorer"),
    ({"scorer": "lexikon"}, "did you mean 'lexicon'"),
])
def test_settings_that_make_no_sense(values, said):
    with pytest.raises(InputError, match=said):
        block(Aspects, values, "params.yaml: rating.features.aspects")


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory):
    transformers = pytest.importorskip("transformers", reason="transformers isn't installed (extra: text)")
    import torch

    folder = tmp_path_factory.mktemp("classifier")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "food", "price", "맛있어요"]
    (folder / "vocab.txt").write_text("\n".join(words), encoding="utf-8")
    transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
    labels = ["Taste positive", "price_negative", "service/neutral", "other"]
    torch.manual_seed(3)
    config = transformers.BertConfig(
        vocab_size=len(words), hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=32, num_labels=4, id2label=dict(enumerate(labels)), initializer_range=1.0)
    transformers.BertForSequenceClassification(config).save_pretrained(folder)
    return folder


def test_a_classifiers_labels_become_columns(model_folder):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    judge = scorer(Aspects("transformers", str(model_folder), max_length=16, batch_size=2, device="cpu"))
    assert judge.columns == ("taste/positive", "service/neutral", "price/negative")
    texts = ["good food", "bad price", "맛있어요", "good"]
    found = judge(texts).toarray()
    model = AutoModelForSequenceClassification.from_pretrained(model_folder).eval()
    tokens = AutoTokenizer.from_pretrained(model_folder)(texts, padding="max_length", max_length=16,
                                                         return_tensors="pt")
    with torch.no_grad():
        expected = torch.sigmoid(model(**tokens).logits)[:, [0, 2, 1]].numpy()
    assert np.allclose(found, expected, atol=1e-5) and np.ptp(found) > .01
    assert np.array_equal(found, np.concatenate([judge(texts[:2]).toarray(), judge(texts[2:]).toarray()]))
    assert json.dumps(judge.describe()) and judge.describe()["weights"]


def test_a_classifier_of_something_else_is_one_line(model_folder, tmp_path):
    import shutil

    shutil.copytree(model_folder, tmp_path / "m")
    config = json.loads((tmp_path / "m/config.json").read_text())
    config["id2label"] = {str(i): f"LABEL_{i}" for i in range(4)}
    config["label2id"] = {f"LABEL_{i}": i for i in range(4)}
    (tmp_path / "m/config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match=r"no label like 'taste/positive' \(it has LABEL_0"):
        scorer(Aspects("transformers", str(tmp_path / "m"), device="cpu"))


def test_a_missing_classifier_is_one_line(tmp_path, monkeypatch):
    pytest.importorskip("transformers", reason="transformers isn't installed (extra: text)")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(InputError, match=r"rating.features.aspects.model: .*can't be loaded"):
        scorer(Aspects("transformers", str(tmp_path / "nowhere"), device="cpu"))


def test_without_transformers_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "transformers", None)
    with pytest.raises(InputError, match=r"pip install 'rankpipe\[text\]'"):
        scorer(Aspects("transformers", "anything"))
