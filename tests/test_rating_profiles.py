"""Profiles put together at batch time: numbers worked out by hand, and batches in their order."""

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rating_data import field, workspace, write_table
from scipy.sparse import csr_matrix, random

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.rating import reviews, table
from rankpipe.rating.batches import RatingBatches, sequential
from rankpipe.rating.features import Features, build
from rankpipe.rating.fields import Fields, encode
from rankpipe.rating.history import Past
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.stats import Stats, Unseen
from rankpipe.rating.table import Ratings, Side, text_batch, text_path, text_writer
from rankpipe.rating.text import Text

FOLDER = Path("features")
TINY = Features(text=Text(terms=2, min_count=1, select="frequency"), aspects=None, stats=Stats(prior=0.0))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def rows(users, items, ratings, times=None, first=0):
    n = len(users)
    return Ratings(np.array(users, np.int32), np.array(items, np.int32), np.array(ratings, np.float32),
                   None if times is None else np.array(times, np.int64), np.arange(first, first + n))


def side(m, stats=None, fields=(), numbers=None):
    return Side([f"n{i}" for i in range(m)], stats or {}, numbers or {}, fields)


def tiny(times=True, texts=True, users=None):
    """Three users, two items; texts of one term each, so that a vector is (1, 0) or (0, 1)."""
    when = [10, 20, 20, 30, 5] if times else None
    train = rows([0, 0, 0, 1, 2], [0, 1, 1, 0, 1], [5, 3, 1, 4, 2], when)
    hidden = {name: rows([0, -1], [0, 1], [1, 5], [20, 1] if times else None, 5) for name in ("valid", "test")}
    said = {"train": ["pick", "string", "string", "pick", "pick"], "valid": ["string"] * 2, "test": ["string"] * 2}
    write_table("toy", {"train": train, **hidden}, users or side(3), side(2), said if texts else None)
    return train


def made(settings=TINY):
    build("toy", settings, FOLDER)
    return Profiles.load(FOLDER)


def test_own_review_is_taken_out_and_a_single_one_leaves_the_cold_row():
    tiny()
    profiles = made()
    blocks = profiles.blocks(np.array([0, 0, 1]), np.array([0, 1, 0]), own=np.array([0, 1, 3]))
    # User 0 said pick, string, string; without row 0 or row 1. User 1 said one thing: all of train but that.
    assert np.allclose(blocks["user_text"], [[0, 1], [.5, .5], [.5, .5]], atol=1e-4)
    # Item 0: rows 0 and 3, item 1: rows 1, 2 and 4.
    assert np.allclose(blocks["item_text"], [[1, 0], [.5, .5], [1, 0]], atol=1e-4)
    without = profiles.blocks(np.array([0, 0, 1]), np.array([0, 1, 0]))
    assert np.allclose(without["user_text"], [[1 / 3, 2 / 3], [1 / 3, 2 / 3], [1, 0]], atol=1e-4)


def test_stats_without_a_user_file_come_from_train_without_the_row():
    tiny()
    profiles = made()
    assert profiles.about.columns["user_stats"] == ("review_count", "average_stars")
    assert set(profiles.about.left_out) == {"user_stats:useful", "user_stats:compliment", "user_stats:fans",
                                            "user_aspects", "item_aspects"}
    # What each train row knows of its user: two reviews and the others' mean; users 1 and 2 have no other review.
    means, counts = np.array([2, 3, 4]), np.log1p([2, 2, 2])
    scaled = profiles.blocks(np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 0, 1]), own=np.arange(5))["user_stats"]
    assert np.allclose(scaled[:3, 1], (means - means.mean()) / means.std(), atol=1e-6)
    assert np.allclose(scaled[:3, 0], (counts - counts.mean()), atol=1e-6)
    assert not scaled[3:].any()  # nothing known: the mean of train


def test_a_prior_draws_means_towards_trains():
    train = tiny()
    profiles = made(Features(text=None, aspects=None, stats=Stats(prior=2.0)))
    known = profiles.sides["user"].known(np.array([0, 2, -1]), None, None, None)
    # User 0 has 9 stars in 3 reviews, user 2 has 2 in 1; train's mean is 3.
    assert np.allclose(profiles.sides["user"].stats(known)[:2, 1], [(9 + 6) / 5, (2 + 6) / 3])
    assert train.ratings.mean() == 3 and np.isnan(profiles.sides["user"].stats(known)[2]).all()


def test_the_past_is_strictly_earlier():
    tiny()
    profiles = made(Features(history="past", text=TINY.text, aspects=None, stats=Stats(prior=0.0)))
    users, items = np.array([0, 0, 0, 1, 2]), np.array([0, 1, 1, 0, 1])
    blocks = profiles.blocks(users, items, own=np.arange(5))
    # Rows 1 and 2 share their moment: each knows row 0 only. Row 0, 3 and 4 know nothing of their user: all but own.
    assert np.allclose(blocks["user_text"], [[.5, .5], [1, 0], [1, 0], [.5, .5], [.5, .5]], atol=1e-4)
    # Of item 1 they know row 4, of item 0 row 3 knows row 0.
    assert np.allclose(blocks["item_text"][[1, 2, 3]], [[1, 0]] * 3, atol=1e-4)
    hidden = profiles.blocks(np.array([0, 0]), np.array([0, 0]), times=np.array([20, 21]))
    assert np.allclose(hidden["user_text"], [[1, 0], [1 / 3, 2 / 3]], atol=1e-4)


def test_past_index_by_brute_force():
    rng = np.random.default_rng(1)
    codes, times = rng.integers(0, 7, 200), rng.integers(0, 30, 200)
    ratings = rng.integers(1, 6, 200).astype(np.float32)
    past = Past(codes, times, ratings, 8)
    asked, moments = rng.integers(0, 8, 60), rng.integers(-2, 33, 60)
    found, counts, sums = past.before(asked, moments)
    for code, moment, part, total in zip(asked, moments, np.split(found, np.cumsum(counts)[:-1]), sums, strict=True):
        expected = np.flatnonzero((codes == code) & (times < moment))
        assert sorted(part) == expected.tolist() and total == ratings[expected].sum()


@pytest.mark.parametrize(("seen", "seen_sum", "expected"), [
    (0, 0, (10, 10, 35)),     # all of the file's ten reviews are unseen, at a mean of 3.5
    (6, 25, (4, 4, 10)),      # 35 − 25 stars in the four that are left
    (8, 10, (2, 0, 0)),       # .25 · 10 / 2 > 1: rounding drowns what is left
    (10, 35, (0, 0, 0)),
    (12, 40, (0, 0, 0)),      # more than the file knows of
])
def test_what_a_file_says_beyond_the_splits(seen, seen_sum, expected):
    found = Unseen.left(np.array([10.0]), np.array([3.5]), np.array([float(seen)]), np.array([float(seen_sum)]),
                        rounding=.25, tolerance=1., low=1., high=5.)
    assert (found.count[0], found.rated[0], found.ratings[0]) == expected


def test_unknown_in_the_file_counts_on_train_alone():
    found = Unseen.left(np.array([np.nan, 9.0]), np.array([4.0, np.nan]), np.zeros(2), np.zeros(2), .005, .5, 1., 5.)
    assert found.count.tolist() == [0, 9] and not found.rated.any()


def test_fields_by_hand():
    numbers = {"year": np.array([1990, 1995, 2000, np.nan], np.float32)}
    known = side(4, fields=(field("tags", ["a", "b", "c", "d"], [[0], [0, 1], [], [2]]),), numbers=numbers)
    names, values = encode(known, Fields(buckets=2, words=1))
    assert names == ["tags=a", "tags=2 others", "tags=?", "year<1995", "year≥1995", "year=?"]
    assert values.tolist() == [[1, 0, 0, 1, 0, 0], [1, 1, 0, 0, 1, 0], [0, 0, 1, 0, 1, 0], [0, 1, 0, 0, 0, 1]]


def test_fields_of_the_cold_are_means_and_constant_columns_go():
    users = side(3, fields=(field("kind", ["x", "y"], [[0], [1], [0]]), field("same", ["z"], [[0]] * 3)))
    tiny(users=users)
    profiles = made()
    assert profiles.about.columns["user_fields"] == ("kind=x", "kind=y")
    assert np.allclose(profiles.blocks(np.array([1, -1, 3]), np.array([0, 0, 0]))["user_fields"],
                       [[0, 1], [2 / 3, 1 / 3], [2 / 3, 1 / 3]])


def test_without_text_there_are_no_text_blocks_and_a_note():
    tiny(texts=False)
    profiles = made(Features())
    assert list(profiles.inputs.blocks) == ["user_stats", "item_stats"]
    assert {"user_text", "item_text", "user_aspects", "item_aspects"} <= set(profiles.about.left_out)


@pytest.mark.parametrize(("settings", "said"), [
    (Features(history="past"), "history: past needs timestamps"),
    (Features(text=Text(min_count=9)), "no term is in as many as 9"),
])
def test_what_the_data_cannot_give_is_one_line(settings, said):
    tiny(times=False)
    with pytest.raises(InputError, match=said):
        build("toy", settings, FOLDER)
    assert not FOLDER.exists()


def test_texts_that_are_not_the_rows_are_one_line():
    tiny()
    with text_writer(text_path(paths.table("toy", "rating"), "train")) as writer:
        writer.write_batch(text_batch(["pick"] * 4))
    with pytest.raises(InputError, match="has 4 texts, the split 5 rows; run convert again"):
        build("toy", TINY, FOLDER)


def test_own_rows_of_others_are_refused():
    tiny()
    with pytest.raises(ValueError, match="not the train rows"):
        made().blocks(np.array([0]), np.array([0]), own=np.array([1]))


def test_the_full_specification_is_309_wide():
    workspace(Path("."), fields=False)
    inputs = made(Features(text=Text(terms=12, min_count=1))).inputs
    assert list(inputs.blocks) == ["user_text", "user_stats", "user_aspects", "item_text", "item_stats", "item_aspects"]
    assert inputs.width == 309 - 2 * (100 - 12)


def test_order_of_fields_and_stats_makes_no_difference():
    workspace(Path("."))
    build("toy", Features(), FOLDER)
    before = [path.read_bytes() for path in sorted(FOLDER.rglob("*.*"))]
    read = table.users

    def turned(size):
        known = read(size)
        return Side(known.names, dict(reversed(known.stats.items())), dict(reversed(known.numbers.items())),
                    tuple(reversed(known.fields)))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "users", turned)
        build("toy", Features(), FOLDER)
    assert [path.read_bytes() for path in sorted(FOLDER.rglob("*.*"))] == before


def test_an_export_gives_the_same_profiles_and_holds_no_review():
    workspace(Path("."))
    profiles, valid = made(Features()), table.read("toy", "valid")
    Path("export").mkdir()
    profiles.export("export")
    again = Profiles.load("export")
    assert np.array_equal(again.matrix(valid.users, valid.items), profiles.matrix(valid.users, valid.items))
    assert again.names("item") == table.items("toy").names
    with pytest.raises(ValueError, match="no rows of train"):
        again.blocks(np.array([0]), np.array([0]), own=np.array([0]))


def test_matrix_is_the_blocks_side_by_side():
    workspace(Path("."))
    profiles, train = made(Features()), table.read("toy", "train")
    own = np.arange(len(train))
    matrix = profiles.matrix(train.users, train.items, own, block_rows=97)
    assert matrix.shape == (len(train), profiles.inputs.width) and np.isfinite(matrix).all()
    assert np.array_equal(matrix, np.concatenate(list(profiles.blocks(train.users, train.items, own).values()), 1))
    at = profiles.columns.index("item_aspects:freshness/positive")
    assert np.array_equal(matrix[:, at], profiles.blocks(train.users, train.items, own)["item_aspects"][
        :, profiles.about.columns["item_aspects"].index("freshness/positive")])


def test_batches_take_every_row_once_without_its_own_review():
    workspace(Path("."))
    profiles, train = made(Features()), table.read("toy", "train")
    batches = RatingBatches(profiles, train, 64, seed=3)
    epoch = list(batches.epoch(0))
    assert [total for _, total in epoch] == [64] * 9 + [24] and batches.steps == 10
    order = np.random.Generator(np.random.Philox(np.random.SeedSequence([3, 0]))).permutation(len(train))
    expected = profiles.blocks(train.users[order], train.items[order], order)
    for name, values in expected.items():
        assert np.array_equal(np.concatenate([b.blocks[name].numpy() for b, _ in epoch]), values), name
    assert np.array_equal(np.concatenate([b.ratings.numpy() for b, _ in epoch]), train.ratings[order])
    assert sorted(order) == list(range(len(train)))
    other = np.concatenate([b.ratings.numpy() for b, _ in batches.epoch(1)])
    assert not np.array_equal(other, train.ratings[order])
    resumed = next(batches.epoch(0, start=7))[0]
    assert np.array_equal(resumed.users, epoch[7][0].users)
    halves = [next(RatingBatches(profiles, train, 64, 3, rank, 2).epoch(0))[0] for rank in (0, 1)]
    assert np.array_equal(halves[1].users, epoch[0][0].users[1::2]) and len(halves[0]) == 32


@pytest.mark.parametrize("history", ["all", "past"])
def test_sequential_keeps_the_order_and_the_moment(history):
    workspace(Path("."))
    profiles, valid = made(Features(history=history)), table.read("toy", "valid")
    moments = np.random.default_rng(0).choice(table.read("toy", "train").times, len(valid))
    valid = replace(valid, times=moments)
    found = list(sequential(profiles, valid, 60))
    assert [len(b) for b in found] == [60, 60, 30]
    cold = np.where(valid.users < 0, profiles.inputs.n_users, valid.users)
    assert np.array_equal(np.concatenate([b.users.numpy() for b in found]), cold)
    expected = profiles.blocks(valid.users, valid.items, times=valid.times)["item_text"]
    assert np.array_equal(np.concatenate([b.blocks["item_text"].numpy() for b in found]), expected)
    now = profiles.blocks(valid.users, valid.items)["item_text"]
    assert np.array_equal(now, expected) == (history == "all")


def test_sums_of_reviews_whatever_is_summed_at_once(monkeypatch):
    matrix = csr_matrix(random(50, 9, .4, "csr", rng=np.random.default_rng(2)))
    Path("r").mkdir()
    with reviews.ReviewsWriter(Path("r")) as writer:
        writer.append(matrix[:20])
        writer.append(matrix[20:])
    found = reviews.Reviews(Path("r"), writer.digests(), 9)
    whole = np.rint(matrix.toarray() * reviews.SCALE).astype(np.int64)
    counts = np.array([3, 0, 1, 40, 0])
    chosen = np.random.default_rng(3).integers(0, 50, counts.sum())
    expected = [whole[part].sum(0) for part in np.split(chosen, np.cumsum(counts)[:-1])]
    for at_once in (1, 7, 1 << 20):
        monkeypatch.setattr(reviews, "_AT_ONCE", at_once)
        assert np.array_equal(found.sums(chosen, counts), expected)


def test_a_damaged_file_of_reviews_is_told():
    workspace(Path("."))
    made(Features())
    path = FOLDER / "reviews/values.bin"
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"values\.bin: not the file that features wrote"):
        Profiles.load(FOLDER)
    shutil.rmtree(path.parent)
    with pytest.raises(InputError, match="not found; run features"):
        Profiles.load(FOLDER)
