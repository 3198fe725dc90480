"""No row's profiles hold its own review, a hidden or a later one: each check is also shown to catch a planted leak."""

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rating_data import workspace, write_table
from sklearn.linear_model import Ridge
from sklearn.preprocessing import StandardScaler

from rankpipe.rating import audit, history, profiles, sides, stats, table
from rankpipe.rating import features as stage
from rankpipe.rating.features import Features, build
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.text import Text

FOLDER = Path("features")
SETTINGS = Features(text=Text(min_count=1))


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    workspace(tmp_path, rows={"train": 300, "valid": 80, "test": 80})


def whole():
    """Everything that the table holds, to be changed and written again."""
    splits = {name: table.read("toy", name) for name in table.SPLITS}
    texts = {name: [text for part in table.texts("toy", name) for text in part] for name in table.SPLITS}
    return splits, texts, table.users("toy"), table.items("toy")


def with_ratings(split, ratings):
    return replace(split, ratings=ratings.astype(np.float32))


def fitted(settings=SETTINGS):
    """The folder's bytes."""
    build("toy", settings, FOLDER)
    return {path.name: path.read_bytes() for path in sorted(FOLDER.rglob("*.*"))}


def without_files(side):
    return replace(side, stats={})


def hidden_rows_are_in_nothing(what):
    splits, texts, users, items = whole()
    users, items = without_files(users), without_files(items)
    write_table("toy", splits, users, items, texts)
    before = fitted()
    for name in ("valid", "test"):
        changed, said = dict(splits), dict(texts)
        if what == "texts":
            said[name] = ["tasty great unheard salty"] * len(texts[name])
        else:
            changed[name] = with_ratings(splits[name], 6 - splits[name].ratings)
        write_table("toy", changed, users, items, said)
        assert fitted() == before, f"{what} of {name}"


@pytest.mark.parametrize("what", ["texts", "ratings"])
def test_hidden_rows_are_in_no_vocabulary_scaling_or_profile(what):
    hidden_rows_are_in_nothing(what)


@pytest.mark.parametrize("name", ["valid", "test"])
def test_hidden_rows_in_the_vocabulary_are_caught(monkeypatch, name):
    fit = stage.TextEncoder.fit

    def leaky(blocks, settings):
        rows = table.read("toy", name)
        hidden = [text for part in table.texts("toy", name) for text in part]
        return fit([*blocks, (hidden, rows.ratings)], settings)

    monkeypatch.setattr(stage.TextEncoder, "fit", leaky)
    with pytest.raises(AssertionError, match=f"texts of {name}"):
        hidden_rows_are_in_nothing("texts")


@pytest.mark.parametrize("name", ["valid", "test"])
def test_hidden_rows_in_the_scaling_are_caught(monkeypatch, name):
    scaling = stage._scaling

    def leaky(made, codes, train, *rest):
        return scaling(made, codes, with_ratings(train, train.ratings + table.read("toy", name).ratings.mean()), *rest)

    monkeypatch.setattr(stage, "_scaling", leaky)
    with pytest.raises(AssertionError, match=f"ratings of {name}"):
        hidden_rows_are_in_nothing("ratings")


def own_text_is_in_no_profile(monkeypatch):
    """Another text for one train row at a time, under one vocabulary: its own profiles stay as they are to the bit."""
    splits, texts, users, items = whole()
    train = splits["train"]
    encoder = stage._encoder("toy", SETTINGS, train)
    with monkeypatch.context() as patch:
        patch.setattr(stage, "_encoder", lambda *_: encoder)
        patch.setattr(stage, "check_leaks", lambda *_: None)
        fitted()
        before = Profiles.load(FOLDER).blocks(train.users, train.items, np.arange(len(train)))
        seen_only_once = int(np.flatnonzero(np.bincount(train.users)[train.users] == 1)[0]) if (
            np.bincount(train.users) == 1).any() else 0
        for row in (0, seen_only_once, len(train) - 1):
            said = [*texts["train"][:row], "dirty loud overpriced awful", *texts["train"][row + 1:]]
            write_table("toy", splits, users, items, {**texts, "train": said})
            fitted()
            after = Profiles.load(FOLDER).blocks(train.users, train.items, np.arange(len(train)))
            others = np.arange(len(train)) != row
            for block in ("user_text", "user_aspects", "item_text", "item_aspects"):
                assert np.array_equal(after[block][row], before[block][row]), f"own text in {block}"
                assert not np.array_equal(after[block][others], before[block][others]), f"{block} reads no text at all"


def test_a_train_row_never_sees_its_own_text(monkeypatch):
    own_text_is_in_no_profile(monkeypatch)


def test_a_train_row_that_sees_its_own_text_is_caught(monkeypatch):
    own = Profiles._own

    def leaky(self, *args):
        found = own(self, *args)
        return replace(found, vectors=np.zeros_like(found.vectors))

    monkeypatch.setattr(Profiles, "_own", leaky)
    with pytest.raises(AssertionError, match="own text in user_text"):
        own_text_is_in_no_profile(monkeypatch)
    with pytest.raises(audit.LeakError, match="user_text of train rows"):
        build("toy", SETTINGS, FOLDER)


def raw_files(splits, users, items):
    """Users and items as raw files of exactly these reviews have them, and twenty more of 3 stars that nobody shows."""
    def side(known, codes, mean, ratings):
        warm = codes >= 0
        count = np.bincount(codes[warm], minlength=len(known)) + 20
        total = np.bincount(codes[warm], ratings[warm], len(known)) + 60
        return replace(known, stats={**known.stats, "review_count": count.astype(np.float32),
                                     mean: (total / count).astype(np.float32)})

    ratings = np.concatenate([split.ratings for split in splits.values()]).astype(np.float64)
    return (side(users, np.concatenate([split.users for split in splits.values()]), "average_stars", ratings),
            side(items, np.concatenate([split.items for split in splits.values()]), "stars", ratings))


def a_files_means_hold_no_target():
    """Turning a row's rating around changes the files' means, and no stat of that row."""
    splits, texts, users, items = whole()
    settings = replace(SETTINGS, stats=stats.Stats(user_rounding=0, item_rounding=0))
    known = {}
    for turned in (False, True):
        changed = dict(splits)
        for name in ("valid", "test") if turned else ():
            changed[name] = with_ratings(splits[name], 6 - splits[name].ratings)
        write_table("toy", changed, *raw_files(changed, users, items), texts)
        build("toy", settings, FOLDER)
        made = Profiles.load(FOLDER)
        assert made.sides["user"].table.unseen[1].all(), "the files' means are in use"
        known[turned] = [made.blocks(rows.users, rows.items, np.arange(len(rows)) if name == "train" else None)
                         for name, rows in splits.items()]
    for before, after in zip(known[False], known[True], strict=True):
        for block in ("user_stats", "item_stats"):
            assert np.allclose(before[block], after[block], atol=1e-4), f"hidden ratings in {block}"


def test_hidden_ratings_are_taken_out_of_the_files_means():
    a_files_means_hold_no_target()


def test_average_stars_over_all_reviews_are_caught(monkeypatch):
    left = stage.Unseen.left

    def leaky(count, mean, seen, seen_ratings, *rest):
        return left(count, mean, np.zeros_like(seen), np.zeros_like(seen_ratings), *rest)

    monkeypatch.setattr(stage.Unseen, "left", leaky)
    with pytest.raises(audit.LeakError, match="user_stats of train rows"):
        build("toy", SETTINGS, FOLDER)
    monkeypatch.setattr(stage, "check_leaks", lambda *_: None)
    with pytest.raises(AssertionError, match="hidden ratings in user_stats"):
        a_files_means_hold_no_target()


def test_a_train_row_never_knows_its_own_rating():
    train = table.read("toy", "train")
    build("toy", SETTINGS, FOLDER)
    made = Profiles.load(FOLDER)
    known = {}
    for step in (0, 1):
        made.ratings = train.ratings + step * (np.arange(len(train)) == 7)
        kept = made.sides["user"]
        changed = kept.table.ratings.copy()
        changed[[train.users[7], -1]] += step
        kept.table = replace(kept.table, ratings=changed)
        own = made._own(train.users[[7]], train.items[[7]], np.array([7]))
        known[step] = kept.known(train.users[[7]], own, None, made.reviews).ratings
    assert known[0] == known[1]


def test_a_train_row_that_knows_its_own_rating_is_caught(monkeypatch):
    own = Profiles._own
    monkeypatch.setattr(Profiles, "_own", lambda self, *a: replace(own(self, *a), ratings=np.zeros(len(a[2]))))
    with pytest.raises(audit.LeakError, match="user_stats of train rows"):
        build("toy", replace(SETTINGS, text=None, aspects=None), FOLDER)


@pytest.mark.parametrize("name", ["valid", "test"])
def test_hidden_reviews_in_a_profile_are_caught(monkeypatch, name):
    """Sums to which the hidden reviews of the same items were added."""
    make = stage._review_vectors

    def leaky(size, folder, encoder, judge, train):
        sums, digests = make(size, folder, encoder, judge, train)
        rows = table.read(size, name)
        hidden = [text for part in table.texts(size, name) for text in part]
        vectors = np.rint(stage.vectors(hidden, encoder, judge).toarray() * sides.SCALE).astype(sums["item"].dtype)
        np.add.at(sums["item"], rows.items[rows.items >= 0], vectors[rows.items >= 0])
        return sums, digests

    monkeypatch.setattr(stage, "_review_vectors", leaky)
    with pytest.raises(audit.LeakError, match="item_text of train rows"):
        build("toy", SETTINGS, FOLDER)


def test_later_reviews_are_caught(monkeypatch):
    past = replace(SETTINGS, history="past")
    build("toy", past, FOLDER)
    assert audit.check_leaks("toy", FOLDER) >= 3 * audit.SAMPLE
    before = history.Past.before
    monkeypatch.setattr(profiles.Past, "before", lambda self, codes, times: before(self, codes, times + 86_400))
    with pytest.raises(audit.LeakError, match="rows"):
        build("toy", past, FOLDER)


def test_the_same_second_is_not_the_past(monkeypatch):
    """Strictly earlier: a review of the same moment, the row's own before all, stays out."""
    before = history.Past.before
    monkeypatch.setattr(profiles.Past, "before", lambda self, codes, times: before(self, codes, times + 1))
    with pytest.raises(audit.LeakError, match="of train rows"):
        build("toy", replace(SETTINGS, history="past"), FOLDER)


def test_the_files_snapshot_is_no_part_of_the_past():
    """A file's stats are of today: with ``history: past`` they are left out by name."""
    build("toy", replace(SETTINGS, history="past"), FOLDER)
    made = Profiles.load(FOLDER)
    assert made.about.columns["user_stats"] == ("review_count", "average_stars")
    assert "user_stats:fans" in made.about.left_out and not made.sides["user"].table.unseen.any()


def test_an_audit_of_sound_profiles_passes_as_a_command(capsys):
    build("toy", SETTINGS, Path("build/toy/rating/features"))
    audit.main("toy")
    assert "144 rows compared, no leak" in capsys.readouterr().out


def test_an_audit_passes_over_the_busiest_where_it_can(monkeypatch):
    build("toy", SETTINGS, FOLDER)
    made, splits = Profiles.load(FOLDER), {name: table.read("toy", name) for name in table.SPLITS}
    monkeypatch.setattr(audit, "FEW", 8)
    for sample in audit._samples(made, splits, 0, seed=0):
        counts = made.sides[sample.side].table.counts
        few = sum(code < 0 or counts[code] <= 8 for code in sample.codes)
        codes = splits[sample.split].users if sample.side == "user" else splits[sample.split].items
        there = int(((codes < 0) | (counts[codes] <= 8)).sum())
        assert len(sample.codes) == audit.SAMPLE and few == min(there, audit.SAMPLE)


def test_on_real_reviews_the_leak_shows_in_the_error(real_data):
    """Ridge on Amazon's instruments, ``rating_random``: 1,027 test rows, RMSE of the mean .931. A model that reads
    the very review gets .71 to .75."""
    folder = real_data / "amazon-musical-instruments"
    if not folder.is_dir():
        pytest.skip(f"{folder} isn't there")
    with gzip.open(folder / "Musical_Instruments.json.gz", "rt", encoding="utf-8") as file:
        reviews = [json.loads(line) for line in file]
    with (folder / "splits.csv").open(newline="") as file:
        split = np.array([row["rating_random"] for row in csv.DictReader(file)])
    ratings = np.array([review["overall"] for review in reviews], np.float32)
    (user_names, users), (item_names, items) = (np.unique([review[key] for review in reviews], return_inverse=True)
                                                for key in ("reviewerID", "asin"))
    everything = table.Ratings(users.astype(np.int32), items.astype(np.int32), ratings, None, np.arange(len(users)))
    nothing = table.Ratings(*(None if part is None else part[:0] for part in vars(everything).values()))
    write_table("toy", {"train": everything, "valid": nothing, "test": nothing},
                table.Side(user_names.tolist(), {}, {}, ()), table.Side(item_names.tolist(), {}, {}, ()),
                {"train": [review.get("reviewText") or "" for review in reviews], "valid": [], "test": []})
    build("toy", Features(), FOLDER)
    made, errors = Profiles.load(FOLDER), {}
    for leak, own in ((True, None), (False, np.arange(len(users)))):
        matrix = StandardScaler().fit_transform(made.matrix(users, items, own))
        model = Ridge(alpha=3000).fit(matrix[split == "train"], ratings[split == "train"])
        wrong = model.predict(matrix[split == "test"]) - ratings[split == "test"]
        errors[leak] = float(np.sqrt(np.mean(wrong.astype(np.float64)**2)))
    assert errors[True] < .82 and .88 < errors[False] < .931, errors
