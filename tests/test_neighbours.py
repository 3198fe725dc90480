"""Nearest neighbours: all vectors looked at block by block, and a graph that is kept in a file."""

from pathlib import Path

import numpy as np
import pytest

from rankpipe.data.neighbours import Neighbours, Search, build, empty, nearest
from rankpipe.errors import InputError

ROWS = np.random.default_rng(0).normal(size=(500, 8)).astype(np.float32)
ASKED = ROWS[:7]


@pytest.mark.parametrize("size", [1, 64, 499, 500, 900])
def test_blocks_find_what_one_product_finds(size: int) -> None:
    products = ASKED @ ROWS.T
    values, rows = nearest((ROWS[i:i + size] for i in range(0, 500, size)), ASKED, 5)
    assert np.array_equal(rows, np.argsort(-products, axis=1, kind="stable")[:, :5])
    assert values == pytest.approx(np.sort(products, axis=1)[:, :-6:-1], rel=1e-5)


def test_equal_products_stand_in_order_of_their_rows_and_there_may_be_too_few() -> None:
    same = np.repeat(ROWS[:1], 6, 0)
    values, rows = nearest([same[:2], same[2:]], ROWS[:1], 9)
    assert rows.tolist() == [[0, 1, 2, 3, 4, 5]] and np.ptp(values) == 0
    assert nearest([], ROWS[:1], 3)[1].shape == (1, 0)


def test_a_graph_grown_in_blocks_and_read_again_finds_the_same(tmp_path: Path) -> None:
    settings = Search("approximate", walked=64)
    for name in ("one", "other"):
        graph = empty(8, settings)
        for start in range(0, 500, 100):
            graph.add(ROWS[start:start + 100])
        graph.save(tmp_path / name)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    read = Neighbours.load(tmp_path / "one", settings.walked)
    assert np.array_equal(read.search(ASKED, 5), graph.search(ASKED, 5))
    assert np.mean(read.search(ASKED, 5) == nearest([ROWS], ASKED, 5)[1]) > 0.9


def test_what_is_no_graph_is_refused(tmp_path: Path) -> None:
    build(ROWS, Search()).save(tmp_path / "flat")
    (tmp_path / "text").write_text("no index")
    for name, words in (("flat", "without a graph"), ("text", "not an index of faiss")):
        with pytest.raises(InputError, match=words):
            Neighbours.load(tmp_path / name)
