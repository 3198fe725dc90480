"""What encoders see and forget."""

import numpy as np
import pytest

from rankpipe.fusion.encoders.joint import ridge
from rankpipe.fusion.encoders.looks import looks
from rankpipe.fusion.encoders.onehot import OneHot
from rankpipe.fusion.encoders.photos import Photos
from rankpipe.fusion.encoders.reduction import Reduction
from rankpipe.fusion.encoders.topics import Topics


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
