"""Candidates by words and vectors: scores, variety and recall worked by hand, and the stage over a small shop."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fusion_data import planted
from fusion_raw import FOLDER, PARAMS, Shop, write_params

from rankpipe import params
from rankpipe.data.neighbours import Search, build
from rankpipe.errors import InputError
from rankpipe.fusion import dataset, vectors
from rankpipe.fusion.convert import convert
from rankpipe.fusion.dataset import Candidates
from rankpipe.fusion.encode import encode
from rankpipe.fusion.extract import extract
from rankpipe.fusion.retrieval import (
    Index,
    Retrieve,
    Weights,
    best,
    found_for,
    mmr,
    recall_at_n,
    retrieved,
    settings_of,
)
from rankpipe.fusion.retrieve import recall, retrieve
from rankpipe.fusion.vectors import Vectors
from rankpipe.io.arrays import ArraysReader
from rankpipe.io.json import read_json

FOUND = Path("build/toy/fusion/retrieved")
HALF = 0.5**0.5


def catalogue(texts: list[str | None], text: np.ndarray, image: np.ndarray | None = None) -> tuple[Candidates, Vectors]:
    count = len(texts)
    image = np.zeros((count, 2)) if image is None else image
    held = Candidates([f"c{i}" for i in range(count)], [None] * count, texts, {}, np.zeros((count, 0), np.int32),
                      np.zeros(count, np.float32), np.full(count, -1, np.int32))
    there = np.ones(count, bool)
    none = np.zeros((count, 1), np.float32)
    return held, Vectors(image.astype(np.float32), there, text.astype(np.float32), there, none, there,
                         np.zeros((0, text.shape[1]), np.float32), np.zeros((0, image.shape[1]), np.float32))


class TestIndex:
    TEXTS = ("red lamp", "red chair", "blue lamp", None)
    ROWS = np.array([[1, 0], [HALF, HALF], [0, 1], [0, 0]])

    def index(self, **settings) -> Index:
        return Index.build(*catalogue(list(self.TEXTS), self.ROWS), Retrieve(**settings))

    def ask(self, index: Index, text: str, n: int = 4, query=(0.0, 1.0)) -> tuple[list[int], list[float]]:
        codes, scores = index.search([text], np.array([query], np.float32), np.zeros((1, 2), np.float32), n)
        return codes[0].tolist(), scores[0].tolist()

    def test_words_alone_give_shares_of_the_best_bm25(self):
        codes, scores = self.ask(self.index(weights=Weights(1, 0, 0)), "red lamp")
        # Lengths are equal, so each word found counts its idf: both words (1), one of two equally frequent ones (½).
        assert codes == [0, 1, 2, -1] and np.allclose(scores[:3], [1, 0.5, 0.5]) and scores[3] == -np.inf

    def test_a_blend_adds_the_cosine(self):
        codes, scores = self.ask(self.index(weights=Weights(1, 0.4, 0)), "red lamp")
        assert codes == [0, 2, 1, 3] and np.allclose(scores, [1, 0.5 + 0.4, 0.5 + 0.4 * HALF, 0])

    def test_vectors_alone_need_no_word(self):
        codes, scores = self.ask(self.index(weights=Weights(0, 1, 0)), "quux")
        assert codes == [2, 1, 0, 3] and np.allclose(scores, [1, HALF, 0, 0])

    def test_images_count_by_their_weight(self):
        held, found = catalogue(list(self.TEXTS), self.ROWS, self.ROWS[::-1])
        index = Index.build(held, found, Retrieve(weights=Weights(0, 0.5, 2)))
        codes, scores = index.search(["x"], np.array([[1, 0]], np.float32), np.array([[1, 0]], np.float32), 2)
        assert codes.tolist() == [[3, 2]] and np.allclose(scores, [[2, 2 * HALF]])

    def test_what_neither_pool_puts_up_is_not_found(self):
        codes, _ = self.ask(self.index(weights=Weights(1, 1, 0), pool=1), "red lamp", 1)
        assert codes == [2]  # of {0 by words, 2 by vectors}: ½ + 1 beats 1 + 0
        codes, scores = self.ask(self.index(weights=Weights(1, 0.1, 0), pool=1), "red lamp", 1)
        assert codes == [0] and np.allclose(scores, [1])

    def test_variety_puts_the_other_one_second(self):
        plain = self.index(weights=Weights(0, 1, 0))
        near = (HALF, HALF)
        rows = np.array([[1, 0], [0.99, 0.141], [0, 1]])
        held = catalogue(["a", "b", "c"], rows)
        codes = [Index.build(*held, replace(plain.settings, diversity=d)).search(
            ["x"], np.array([near], np.float32), np.zeros((1, 2), np.float32), 3)[0][0].tolist() for d in (0.0, 0.5)]
        assert codes == [[1, 0, 2], [1, 2, 0]]

    def test_all_weights_zero_are_refused(self):
        with pytest.raises(InputError, match="all three are 0"):
            settings_of({"fusion": {"retrieve": {"weights": {"words": 0, "text": 0, "image": 0}}}})


def test_best_takes_the_lower_code_of_equals():
    scores, codes = np.array([1.0, 3.0, 3.0, 2.0, 3.0]), np.array([5, 9, 2, 1, 7])
    assert best(scores, codes, 2).tolist() == [2, 4] and best(scores, codes, 9).tolist() == [2, 4, 1, 3, 0]


def test_mmr_worked_by_hand():
    scores, rows = np.array([1.0, 0.9, 0.5]), np.array([[1.0, 0], [1, 0], [0, 1]])
    assert mmr(scores, rows, 0.0, 3).tolist() == [0, 1, 2]
    # After 0: item 1 is worth .5 · .9 − .5 · 1 = −.05, item 2 .5 · .5 − 0 = .25.
    assert mmr(scores, rows, 0.5, 3).tolist() == [0, 2, 1]
    # .9 · .9 − .1 = .71 against .9 · .5 = .45.
    assert mmr(scores, rows, 0.1, 2).tolist() == [0, 1]


def test_recall_worked_by_hand():
    found = np.array([[4, 2, 7], [1, -1, -1], [0, 1, 2]])
    offsets, relevant = np.array([0, 2, 2, 3]), np.array([7, 4, 9])
    assert np.array_equal(recall_at_n(found, offsets, relevant, 2), [0.5, np.nan, 0], equal_nan=True)
    assert np.array_equal(recall_at_n(found, offsets, relevant, 3), [1, np.nan, 0], equal_nan=True)
    with pytest.raises(ValueError, match="recall at 4"):
        recall_at_n(found, offsets, relevant, 4)


class TestNeighbours:
    ROWS = np.random.default_rng(0).standard_normal((600, 8)).astype(np.float32)

    def test_exact_is_the_product_sorted(self):
        asked = self.ROWS[:5] + 0.1
        found = build(self.ROWS, Search()).search(asked, 7)
        assert np.array_equal(found, np.argsort(-(asked @ self.ROWS.T), axis=1)[:, :7])

    def test_a_long_walk_is_exact_and_a_short_one_near_and_the_same_each_time(self):
        asked, exact = self.ROWS[:40], build(self.ROWS, Search()).search(self.ROWS[:40], 3)
        long, short = (build(self.ROWS, Search("approximate", 4, 16, walked)).search(asked, 3) for walked in (600, 1))
        again = build(self.ROWS, Search("approximate", 4, 16, 1), threads=2).search(asked, 3)
        shares = [np.mean([np.isin(a, b).mean() for a, b in zip(exact, found, strict=True)]) for found in (long, short)]
        assert shares[0] > 0.95 and 0.3 < shares[1] < shares[0] - 0.1 and np.array_equal(short, again)

    def test_more_than_there_are_is_marked(self):
        assert build(self.ROWS[:2], Search("approximate")).search(self.ROWS[:1], 4)[0, 2:].tolist() == [-1, -1]


def test_recall_is_the_mean_over_what_the_search_finds():
    made = planted(20, 6)
    data, count = made.data, len(made.truth)
    eye, there = np.eye(4, dtype=np.float32), np.ones(count, bool)
    held = Vectors(eye[made.truth[:, 0]], there, eye[made.truth[:, 1]], there, np.zeros((count, 1), np.float32), there,
                   eye[made.wanted[:, 1]], eye[made.wanted[:, 0]])
    index = Index.build(data.candidates, held, Retrieve(top=60, weights=Weights(1, 1, 1)))
    found = recall(index, data, held)
    assert list(found) == ["recall_at_10", "recall_at_50", "recall_at_50_by_words", "recall_at_50_by_text",
                           "recall_at_50_by_image"]
    codes, slates = data.of("test")
    every = index.search([data.queries.texts[i] for i in codes], held.query[codes], held.query_image[codes], 60)[0]
    shares = []
    for i, code in enumerate(codes):
        good = slates.candidates[(slates.queries == i) & (slates.grades >= 2)]
        if len(good):
            shares.append(np.isin(good, every[i, :10]).mean())
        assert made.grades[every[i, 0], code] >= 2
    assert found["recall_at_10"] == pytest.approx(np.mean(shares))


@pytest.fixture
def shop(tmp_path, monkeypatch) -> Shop:
    monkeypatch.chdir(tmp_path)
    return Shop()


def ran(shop: Shop, **settings) -> None:
    shop.write()
    values = params.load()
    values["fusion"] |= {"encode": {"image_dim": 6, "text_dim": 5}, "retrieve": {"top": 5, "pool": 8} | settings}
    values["fusion"]["extract"]["sizes"]["toy"] = {}
    write_params(values)
    for stage in (extract, convert, encode, retrieve):
        stage("toy")


class TestStage:
    def test_all_queries_find_their_candidates_the_same_each_time(self, shop):
        ran(shop)
        before = {path.name: path.read_bytes() for path in FOUND.iterdir()}
        retrieve("toy")
        assert {path.name: path.read_bytes() for path in FOUND.iterdir()} == before
        with ArraysReader(FOUND / "found.h5") as file:
            codes, scores = file.read("candidates"), file.read("scores")
        assert codes.shape == scores.shape == (16, 5) and (codes >= 0).all() and (np.diff(scores) <= 0).all()
        assert all(len(set(row)) == 5 for row in codes.tolist())
        kept = retrieved("toy", np.array([3, 0]), 2)
        assert kept.dtype == np.int32 and np.array_equal(kept, codes[[3, 0], :2])

    def test_more_than_were_kept_are_searched_again_and_begin_alike(self, shop):
        ran(shop, pool=32)
        few, many = retrieved("toy", np.arange(4), 5), retrieved("toy", np.arange(4), 40)
        assert many.shape == (4, 40) and np.array_equal(many[:, :5], few)
        assert (many[:, 32:] == -1).all() and sorted(many[0, :32].tolist()) == list(range(32))

    def test_queries_that_nobody_asked_before_find_what_they_say(self, shop):
        shop.candidates[6]["text"] = "zirconium kettle"
        ran(shop)
        ids = dataset.read("toy").candidates.ids
        assert ids[found_for("toy", ["a kettle of zirconium"], 3)[0, 0]] == shop.candidates[6]["candidate_id"]

    def test_recall_is_written_for_the_board(self, shop):
        ran(shop, top=20)
        found = read_json(FOUND / "recall.json")
        assert list(found) == ["recall_at_10"] + [f"recall_at_10_by_{part}" for part in ("image", "text", "words")]
        assert all(0 <= value <= 1 for value in found.values())

    def test_what_is_missing_or_of_another_run_is_said(self, shop):
        with pytest.raises(InputError, match="run retrieve"):
            retrieved("toy", np.array([0]), 1)
        ran(shop)
        with pytest.raises(InputError, match="holds 16 queries, query 16"):
            retrieved("toy", np.array([16]), 1)
        (Path("build/toy/fusion/features") / vectors.FILE).unlink()
        with pytest.raises(InputError, match="run encode"):
            retrieve("toy")


def test_features_alone_leave_nothing_to_search(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir(parents=True)
    lines = [f"{i % 2} qid:{q} 1:{i / 10} 2:{q / 7}" for q in range(1, 13) for i in range(4)]
    (FOLDER / "rank.train").write_text("\n".join(lines) + "\n", encoding="utf-8")
    write_params({**PARAMS, "fusion": {**PARAMS["fusion"], "retrieve": {},
                                       "source": {"folder": str(FOLDER), "letor": {"train": "rank.train"}}}})
    for stage in (extract, convert, retrieve):
        stage("toy")
    assert read_json(FOUND / "recall.json") == {}
