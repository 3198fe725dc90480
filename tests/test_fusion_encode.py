"""Vectors of a small shop, and that nothing but train decides over them."""

from pathlib import Path

import numpy as np
import pytest
from fusion_encoded import FEATURES, bytes_of, encoded, opened
from fusion_raw import FOLDER, PARAMS, Shop, write_params
from PIL import Image

from rankpipe import params
from rankpipe.errors import InputError
from rankpipe.fusion import dataset, encoders
from rankpipe.fusion.convert import convert
from rankpipe.fusion.encode import COUNTS, encode
from rankpipe.fusion.encoders.photos import Photos
from rankpipe.fusion.encoders.settings import Encode
from rankpipe.fusion.extract import extract
from rankpipe.io.json import read_json


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    return opened(tmp_path, monkeypatch)


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
