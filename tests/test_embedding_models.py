"""The contract of the embedding track's links, one suite over all of them, on a small encoder with random weights."""

import copy
import filecmp
import os
import subprocess
import sys

import embedding_data
import numpy as np
import pytest
import torch
from embedding_encoders import encoder

from rankpipe import params
from rankpipe.embedding import links
from rankpipe.embedding.batches import ColumnBatches
from rankpipe.embedding.encoder import Encoder, load, save
from rankpipe.embedding.folder import opening
from rankpipe.embedding.models import LINKS, MODELS, link_class
from rankpipe.embedding.models.link import Link
from rankpipe.embedding.objective import objective
from rankpipe.embedding.sentences import tokenise
from rankpipe.errors import InputError
from rankpipe.training.determinism import reseed

DATA = embedding_data.small()
every_link = pytest.mark.parametrize("name", LINKS)
TOLERANCE = 2e-6
"""Of a vector of length 1: the width of its batch shows in the last bits."""


def link(name: str, start: Encoder | None = None, **params) -> Link:
    """The link on a fresh encoder, adapters where it adds them."""
    start = start or encoder(DATA.texts)
    chosen = {"adapter_dim": 4} if name in ("bottleneck", "hierarchical") else {}
    if name == "hierarchical" and start.backbone.config.model_type != "adapted":
        start = trained("bottleneck", start).finished()
    reseed(3, 0)
    return link_class(name)(start, link_class(name).Params(**{"start_from": "base", **chosen, **params}))


def trained(name: str, start: Encoder | None = None, steps: int = 3, **params) -> Link:
    model = link(name, start, **params)
    words = tokenise(model.encoder.tokenizer, DATA.texts, 48)
    batches, loss = ColumnBatches([words, words], None, 16, seed=0), objective("mnrl", 0.05)
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-2, weight_decay=0.1)
    for (batch, _), _ in zip(batches.epoch(0), range(steps), strict=False):
        loss(model.train()(batch), batch).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


@pytest.fixture(scope="module")
def finished() -> dict[str, Encoder]:
    return {"base": encoder(DATA.texts)} | {name: trained(name).finished() for name in LINKS}


def test_the_registry_and_params_yaml_name_the_same_models():
    assert set(params.get(params.load(), "embedding.models")) == set(MODELS)
    with pytest.raises(InputError, match="simcse"):
        link_class("simsce")
    assert {getattr(links, kind) for kind in LINKS.values()} == {link_class(name).Params for name in LINKS}


@every_link
def test_before_training_vectors_are_those_of_the_start_bit_for_bit(name):
    start = encoder(DATA.texts) if name != "hierarchical" else trained("bottleneck").finished()
    before = start.encode(DATA.held_out)
    np.testing.assert_array_equal(link(name, start).finished().encode(DATA.held_out), before)


@pytest.mark.parametrize("name", ["base", *LINKS])
def test_a_saved_folder_opens_in_sentence_transformers_with_equal_vectors_and_is_saved_again_alike(
        finished, name, tmp_path):
    from sentence_transformers import SentenceTransformer

    texts = [*DATA.held_out, "", "모르는 Ω 글자", "길다 " * 60]
    save(finished[name], tmp_path / "one")
    loaded = load(tmp_path / "one")
    vectors = loaded.encode(texts)
    np.testing.assert_array_equal(vectors, finished[name].encode(texts))
    theirs = SentenceTransformer(str(tmp_path / "one"), device="cpu").encode(texts, batch_size=5)
    np.testing.assert_allclose(theirs, vectors, atol=TOLERANCE)
    save(loaded, tmp_path / "two")
    assert same_files(tmp_path / "one", tmp_path / "two")


@pytest.mark.parametrize("name", ["base", *LINKS])
def test_vectors_depend_on_neither_batch_nor_order_and_a_stream_gives_the_same(finished, name):
    texts = [*DATA.held_out, "가", "노인이 집에서 책을 읽고 있다. " * 3]
    whole, order = finished[name].encode(texts), np.random.default_rng(0).permutation(len(texts))
    assert whole.dtype == np.float32 and whole.shape == (len(texts), finished[name].dim)
    np.testing.assert_allclose(np.linalg.norm(whole, axis=1), 1, atol=1e-6)
    for size in (1, 3, 100):
        shuffled = finished[name].encode([texts[i] for i in order], batch_size=size)
        np.testing.assert_allclose(shuffled, whole[order], atol=TOLERANCE)
    streamed = list(finished[name].stream(iter(texts * 10), batch_size=2))
    assert len(streamed) > 1 and finished[name].encode([]).shape == (0, finished[name].dim)
    np.testing.assert_allclose(np.concatenate(streamed), np.tile(whole, (10, 1)), atol=TOLERANCE)


@every_link
def test_the_same_seed_gives_the_same_bytes(finished, name, tmp_path):
    for folder, found in (("one", finished[name]), ("two", trained(name).finished())):
        save(found, tmp_path / folder)
    assert same_files(tmp_path / "one", tmp_path / "two")


@every_link
def test_two_steps_move_all_that_trains_and_nothing_else(name):
    model = link(name)
    before = {key: p.detach().clone() for key, p in model.named_parameters()}
    trains = {key for key, p in model.named_parameters() if p.requires_grad}
    after = dict(trained(name, steps=2).named_parameters())
    assert set(after) == set(before) and trains
    still = {key for key in before if torch.equal(before[key], after[key])}
    assert still == set(before) - trains
    if name == "bottleneck":
        assert len(trains) == 2 * 3 and all(".adapters.language." in key for key in trains)
    elif name == "hierarchical":
        assert len(trains) == 2 * 3 and all(".adapters.task." in key for key in trains)
    else:
        assert trains == {key for key in before if ".pooler." not in key}  # of which no vector is made


@every_link
def test_a_finished_link_is_whole_and_trains_again_as_the_start_of_any_other(finished, name):
    assert all(p.requires_grad for p in finished[name].parameters()) and not finished[name].training
    again = link("simcse", copy.deepcopy(finished[name]))
    assert all(p.requires_grad for key, p in again.named_parameters() if ".pooler." not in key)


@pytest.mark.parametrize("start", ["simcse", "supervised"])
def test_links_start_from_any_other(finished, start):
    chain = link("hierarchical", copy.deepcopy(finished[start]))
    assert [one["name"] for one in chain.encoder.backbone.config.adapters] == ["language", "task"]
    with pytest.raises(InputError, match="a name twice"):
        link("bottleneck", chain.finished())


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_dropout_is_a_parameter_of_training_that_is_not_saved(share, tmp_path):
    model = link("simcse", encoder(DATA.texts, dropout=0.2), dropout=share).train()
    words = tokenise(model.encoder.tokenizer, DATA.texts, 48)
    first, second = model(next(ColumnBatches([words, words], None, 8, seed=0).epoch(0))[0])
    assert torch.equal(first, second) == (share == 0)
    save(model.finished(), tmp_path / "model")
    assert load(tmp_path / "model").backbone.config.hidden_dropout_prob == 0.2


ELSEWHERE = """
import sys
import numpy as np
from sentence_transformers import SentenceTransformer

plain, adapted, texts = sys.argv[1], sys.argv[2], sys.argv[4:]
np.save(sys.argv[3] + "plain.npy", SentenceTransformer(plain, device="cpu").encode(texts))
try:
    SentenceTransformer(adapted, device="cpu")
except ValueError as error:
    assert "trust_remote_code" in str(error)
else:
    raise SystemExit("code of a folder ran unasked")
np.save(sys.argv[3] + "adapted.npy", SentenceTransformer(adapted, device="cpu", trust_remote_code=True).encode(texts))
assert not [name for name in sys.modules if name.startswith("rankpipe")]
"""


def test_without_rankpipe_a_folder_opens_too_one_with_adapters_by_the_code_that_lies_in_it(finished, tmp_path):
    assert opening(finished["simcse"]) == "SentenceTransformer(folder)"
    assert opening(finished["hierarchical"]) == "SentenceTransformer(folder, trust_remote_code=True)"
    save(finished["simcse"], tmp_path / "plain")
    save(finished["hierarchical"], tmp_path / "adapted")
    moved_on = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"} | {"HF_MODULES_CACHE": str(tmp_path / "code")}
    command = [sys.executable, "-c", ELSEWHERE, "plain", "adapted", "", *DATA.held_out]
    done = subprocess.run(command, cwd=tmp_path, env=moved_on, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for folder, name in (("plain", "simcse"), ("adapted", "hierarchical")):
        np.testing.assert_allclose(np.load(tmp_path / f"{folder}.npy"), finished[name].encode(DATA.held_out),
                                   atol=TOLERANCE)


def test_new_rows_train_alone_as_a_parameter_of_their_own(tmp_path):
    first, table = 40, "backbone.embeddings.word_embeddings.weight"
    start = encoder(DATA.texts, first_new=first)
    model = link("simcse", copy.deepcopy(start), train="new_rows")
    np.testing.assert_array_equal(model.encoder.encode(DATA.held_out), start.encode(DATA.held_out))
    assert [p.shape[0] for p in model.parameters() if p.requires_grad] == [len(start.tokenizer) - first]
    after = trained("simcse", copy.deepcopy(start), train="new_rows").finished()
    old, new = start.state_dict(), after.state_dict()
    assert set(old) == set(new)
    for key, tensor in new.items():
        rows = slice(0, first) if key == table else slice(None)
        assert torch.equal(tensor[rows], old[key][rows]), key
    assert not (new[table][first:] == old[table][first:]).all(1).any(), "decay alone moves every new row"
    save(after, tmp_path / "model")
    assert load(tmp_path / "model").first_new == first
    with pytest.raises(InputError, match="start from vocabulary"):
        link("simcse", train="new_rows")


def same_files(one, two) -> bool:
    names = sorted(str(p.relative_to(one)) for p in one.rglob("*") if p.is_file())
    assert names == sorted(str(p.relative_to(two)) for p in two.rglob("*") if p.is_file())
    return not filecmp.cmpfiles(one, two, names, shallow=False)[1]
