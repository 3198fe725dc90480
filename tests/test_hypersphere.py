import math

import numpy as np
import pytest

from rankpipe.metrics.hypersphere import BLOCK, alignment, uniformity


def test_alignment_by_hand():
    first = np.array([[1, 0], [0, 1]], np.float32)
    assert alignment(first, np.array([[0, 1], [0, 1]], np.float32)) == 1  # squared distances 2 and 0
    assert alignment(first, first) == 0
    assert alignment(first[:0], first[:0]) is None


def test_uniformity_by_hand():
    right = np.array([[1, 0], [0, 1]], np.float32)
    assert uniformity(right) == pytest.approx(-4)  # one squared distance, 2
    assert uniformity(np.concatenate([right, right])) == pytest.approx(-4)  # each sentence once
    three = np.concatenate([right, [[-1, 0]]])
    assert uniformity(three) == pytest.approx(math.log((2 * math.exp(-4) + math.exp(-8)) / 3))
    assert uniformity(right[:1]) is None


def test_uniformity_over_several_blocks_is_that_of_all_pairs():
    vectors = np.random.default_rng(0).normal(size=(BLOCK + 3, 4))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    distances = ((vectors[:, None] - vectors) ** 2).sum(2)[np.triu_indices(len(vectors), 1)]
    assert uniformity(vectors) == pytest.approx(math.log(np.exp(-2 * distances).mean()))
