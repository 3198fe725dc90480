"""The small encoder that the default pipeline starts from."""

import embedding_data
import numpy as np
import pytest
import torch

from rankpipe.embedding import base as bases
from rankpipe.embedding.base import base, tokenizer_of
from rankpipe.embedding.encoder import load, save
from rankpipe.embedding.vocabulary.coverage import coverage
from rankpipe.errors import InputError

TEXTS = embedding_data.small().texts


@pytest.fixture(autouse=True)
def _short(monkeypatch):
    monkeypatch.setattr(bases, "STEPS", 3)


def test_equal_texts_and_seeds_give_equal_weights_and_leave_the_random_numbers_alone():
    drawn = torch.random.get_rng_state()
    one, again, other = base("sample", TEXTS, 7), base("sample", TEXTS, 7), base("sample", TEXTS, 8)
    assert torch.equal(torch.random.get_rng_state(), drawn)
    assert one.tokenizer.backend_tokenizer.to_str() == again.tokenizer.backend_tokenizer.to_str()
    weights = one.state_dict()
    assert all(torch.equal(weight, weights[name]) for name, weight in again.state_dict().items())
    assert not np.allclose(one.encode(TEXTS), other.encode(TEXTS), atol=1e-3)
    assert not one.training and one.dim == 64 and one.pooling == "mean" and one.first_new is None


def test_it_spells_a_part_of_korean_and_all_else():
    tokenizer = tokenizer_of(TEXTS)
    found = coverage(tokenizer.backend_tokenizer, TEXTS, "[UNK]")
    assert 0.1 < found.unknown_share < 0.6 and found.tokens_per_word > 1.5
    assert coverage(tokenizer.backend_tokenizer, [". . ."], "[UNK]").unknown_share == 0


def test_nothing_in_its_folder_is_left_to_chance(tmp_path):
    made = base("sample", TEXTS, 7)
    save(made, tmp_path / "base")
    read = load(tmp_path / "base").state_dict()
    assert read.keys() == made.state_dict().keys()
    assert all(torch.equal(weight, made.state_dict()[name]) for name, weight in read.items())


def test_masked_words_are_learnt(monkeypatch):
    losses = []
    entropy = bases.F.cross_entropy

    def watched(*inputs, **options):
        losses.append(float(entropy(*inputs).detach()))
        return entropy(*inputs, **options)

    monkeypatch.setattr(bases.F, "cross_entropy", watched)
    monkeypatch.setattr(bases, "STEPS", 40)
    base("sample", TEXTS, 7)
    assert np.mean(losses[-5:]) < 0.85 * losses[0]


def test_a_corpus_without_korean():
    with pytest.raises(InputError, match=r"no Korean word in it; embedding\.base: sample is made of the corpus"):
        base("sample", ["Nothing here.", "Nor here."], 7)
