"""Recommending to everybody: equal to a full sort whatever the scores, never a seen item, never on scores like NaN."""

from dataclasses import dataclass

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError
from rankpipe.topk import recommend as module
from rankpipe.topk.recommend import best, recommend


@dataclass
class Product:
    users: np.ndarray
    items: np.ndarray
    item_bias: np.ndarray


@dataclass
class Model:
    """Scores written down as a table, or as factors."""

    table: np.ndarray
    factors: Product | None = None

    @property
    def n_users(self) -> int:
        return self.table.shape[0]

    @property
    def n_items(self) -> int:
        return self.table.shape[1]

    def block(self, users: np.ndarray) -> np.ndarray:
        return self.table[users]


def nothing_seen(model: Model) -> csr_matrix:
    return csr_matrix(model.table.shape, dtype=np.float32)


def sorted_whole(table: np.ndarray, seen: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The definition, user by user: a stable sort of what is unseen."""
    items = np.full((len(table), k), -1, np.int32)
    scores = np.full((len(table), k), -np.inf, np.float32)
    for u, row in enumerate(table):
        left = np.flatnonzero(~seen[u])
        order = left[np.argsort(-row[left], kind="stable")][:k]
        items[u, :len(order)], scores[u, :len(order)] = order, row[order]
    return items, scores


TABLES = {
    "normal": lambda rng, n: rng.normal(size=(40, n)),
    "few values": lambda rng, n: rng.integers(-2, 3, (40, n)),
    "all equal": lambda rng, n: np.zeros((40, n)),
    "rising by item": lambda rng, n: np.tile(np.arange(n), (40, 1)),
    "falling by item": lambda rng, n: -np.tile(np.arange(n), (40, 1)),
    "both zeros": lambda rng, n: np.where(rng.random((40, n)) < 0.5, -0.0, 0.0),
    "huge and tiny": lambda rng, n: rng.normal(size=(40, n)) * 10.0 ** rng.integers(-38, 38, (40, n)),
    "best in one lane": lambda rng, n: np.where(np.arange(n) % 16 == 3, 5.0, rng.random((40, n))),
}


@pytest.mark.parametrize("n", [1, 7, 16, 130, 1000])
@pytest.mark.parametrize("name", TABLES)
def test_equals_a_full_sort(name: str, n: int) -> None:
    rng = np.random.default_rng(n)
    table = TABLES[name](rng, n).astype(np.float32)
    for share in (0.0, 0.3, 0.97):
        seen = rng.random(table.shape) < share
        for k in (1, 10, 100):
            items, scores = recommend(Model(table), np.arange(40), csr_matrix(seen), k, block=7)
            expected = sorted_whole(table, seen, k)
            assert np.array_equal(items, expected[0]) and np.array_equal(scores, expected[1])
            assert items.dtype == np.int32 and scores.dtype == np.float32


def test_a_product_is_the_table_it_stands_for() -> None:
    rng = np.random.default_rng(1)
    # Small whole numbers: every order of adding them gives the same float.
    users, items = rng.integers(-3, 4, (50, 8)).astype(np.float32), rng.integers(-3, 4, (300, 8)).astype(np.float32)
    bias = rng.integers(-2, 3, 300).astype(np.float32)
    table = users @ items.T + bias
    seen = rng.random(table.shape) < 0.2
    wanted = rng.integers(0, 50, 70)  # in any order, and some twice
    for block in (1, 8, None):
        got = recommend(Model(table, Product(users, items, bias)), wanted, csr_matrix(seen), 10, block)
        expected = sorted_whole(table, seen, 10)
        assert np.array_equal(got[0], expected[0][wanted]) and np.array_equal(got[1], expected[1][wanted])


def test_what_was_seen_never_comes_back() -> None:
    """The seen items are the best ones by far: without the mask the lists would hold nothing else."""
    rng = np.random.default_rng(2)
    table = rng.random((30, 200)).astype(np.float32)
    seen = np.zeros(table.shape, bool)
    seen[np.arange(30)[:, None], np.argsort(rng.random(table.shape), axis=1)[:, :50]] = True
    table[seen] += 10
    items, _ = recommend(Model(table), np.arange(30), csr_matrix(seen), 10)
    assert not np.take_along_axis(seen, items, axis=1).any()
    unmasked, _ = recommend(Model(table), np.arange(30), csr_matrix(table.shape), 10)
    assert np.take_along_axis(seen, unmasked, axis=1).all()
    # An entry of value 0, and one that stands there twice, are seen as well.
    odd = csr_matrix((np.zeros(3), [5, 5, 6], [0, 3] + [3] * 29), shape=table.shape)
    assert not np.isin(recommend(Model(table), np.array([0]), odd, 198)[0], [5, 6]).any()


def test_the_models_own_scores_are_left_alone() -> None:
    table = np.arange(12, dtype=np.float32).reshape(3, 4)
    model = Model(table.copy())
    model.block = lambda users: model.table  # a view of what it keeps
    recommend(model, np.arange(3), csr_matrix(np.ones((3, 4))), 2)
    assert np.array_equal(model.table, table)


def test_users_with_little_or_nothing_left() -> None:
    table = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    items, scores = recommend(Model(table), np.arange(2), csr_matrix(np.array([[1, 1, 1], [1, 0, 0]])), 5)
    assert items.tolist() == [[-1] * 5, [1, 2, -1, -1, -1]]
    assert scores.tolist() == [[-np.inf] * 5, [2, 1, -np.inf, -np.inf, -np.inf]]
    assert recommend(Model(table), np.empty(0, int), nothing_seen(Model(table)), 2)[0].shape == (0, 2)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_score_that_is_no_number_is_an_error_even_where_it_is_masked(bad: float) -> None:
    table = np.zeros((9, 40), np.float32)
    table[6, 33] = bad
    seen = np.zeros(table.shape)
    for masked in (0, 1):
        seen[6, 33] = masked
        with pytest.raises(InputError, match="a score of user 6 is NaN or infinite"):
            recommend(Model(table), np.arange(9), csr_matrix(seen), 3, block=2)
        with pytest.raises(InputError, match="a score of user 106 is NaN"):
            best(table.copy(), csr_matrix(seen), 3, first=100)


@pytest.mark.parametrize(("users", "shape", "k", "message"), [
    ([0, 3], (3, 4), 2, r"user codes 0 to 3 are not all in \[0, 3\)"),
    ([-1], (3, 4), 2, r"user codes -1"),
    ([0], (3, 5), 2, r"seen items are \(3, 5\), the model scores \(3, 4\)"),
    ([0], (3, 4), 0, r"cannot recommend 0 items"),
])
def test_what_does_not_fit_is_refused(users: list[int], shape: tuple[int, int], k: int, message: str) -> None:
    with pytest.raises(InputError, match=message):
        recommend(Model(np.zeros((3, 4), np.float32)), np.array(users), csr_matrix(shape), k)


def test_memory_is_that_of_a_block() -> None:
    """However many users: never more scores asked for at once than the block holds."""
    asked = []
    model = Model(np.zeros((1000, 50), np.float32))
    model.block = lambda users: asked.append(len(users)) or model.table[users]
    recommend(model, np.arange(1000), nothing_seen(model), 3, block=64)
    assert max(asked) == 64 and sum(asked) == 1000
    asked.clear()
    recommend(model, np.arange(1000), nothing_seen(model), 3)
    assert max(asked) * 50 <= module._SCORES
