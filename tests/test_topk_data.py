"""From raw tables to the data set: codes, fields, duplicates, given splits; the order of rows decides nothing."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest
from topk_data import checkerboard, random_dataset
from topk_tables import HEADING, SOURCE, contents, prepare, table, views, workspace

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.io.json import read_json
from rankpipe.topk.dataset import read
from rankpipe.topk.extract import extract
from rankpipe.topk.features import about, bucket_edges
from rankpipe.topk.fields import field
from rankpipe.topk.interactions import Interactions, merge
from rankpipe.topk.table import read_split, write_split

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def words(name: str, side: str = "items") -> tuple[str, ...]:
    return next(one.words for one in about("full", side) if one.name == name)


def said(size: str = "full") -> dict:
    return read_json(paths.selection(size, "topk") / "diagnostics.json")


def test_the_data_set_holds_what_the_tables_say(here: Path) -> None:
    workspace(here)
    prepare()
    data = read("full")
    assert data.user_names == [str(5 + i) for i in range(30)]  # as numbers: "9" before "10"
    assert data.item_names == [str(100 + i) for i in range(20)]
    raw = {(str(u), str(i)): (t, s) for u, i, t, s in views()}
    seen = {}
    for part in (data.train, data.valid, data.test):
        assert (np.diff(part.keys()) > 0).all()
        for u, i, t, s in zip(part.users, part.items, part.times, part.ratings, strict=True):
            seen[data.user_names[u], data.item_names[i]] = (t, s)
    assert seen == raw and len(data.test) == len(data.valid) == 30  # a tenth of ten rows each
    genre, year = data.item_fields
    held = [[words("genre")[v] for v in genre.values[a:b]]
            for a, b in zip(genre.offsets[:-1], genre.offsets[1:], strict=True)]
    assert held == [sorted([f"G{i % 3}"] + ["Even"] * (i % 2 == 0)) for i in range(19)] + [[]]
    # Years 2000 … 2019, the later half from the titles, in three buckets of nearly the same size.
    assert year.lengths.tolist() == [1] * 20 and year.size == 3
    assert (np.diff(year.values) >= 0).all() and np.bincount(year.values).tolist() == [7, 6, 7]
    (job,) = data.user_fields
    assert words("job", "users") == ("clerk", "cook", "poet") and job.lengths.tolist() == [1, 2] * 15


def test_rare_values_are_dropped_and_only_train_counts(here: Path) -> None:
    rows = [(u, i, 10 * u + i, 5) for u in range(5, 9) for i in range(100, 105)] + [(5, 119, 9999, 5)]
    workspace(here, rows, extract__split="leave_last_out", features__min_count={"default": 1, "genre": 2})
    prepare()
    data = read("full")
    # Train has 100 … 102 of everybody and, since the last of user 5 is 119, his 103: G0, G1, G2, G0. G1 is in 104 too.
    assert data.train.popularity().tolist() == [4, 4, 4, 1, 0, 0]
    assert words("genre") == ("Even", "G0")
    assert bucket_edges(np.array([5.0]), 4).tolist() == [] and bucket_edges(np.array([1.0, 2, 3, 4]), 2).tolist() == [3]


def test_duplicates_are_merged_to_the_newest(here: Path) -> None:
    rows = views()
    twice = [*rows, (5, rows[0][1], 5_000_000, 2), (5, rows[0][1], 5_000_000, 4), (5, rows[0][1], 10, 1)]
    workspace(here, twice)
    prepare()
    data = read("full")
    assert said()["duplicates_merged"] == 3 and said()["rows"] == 300
    newest = [(t, s) for part in (data.train, data.valid, data.test)
              for u, i, t, s in zip(part.users, part.items, part.times, part.ratings, strict=True)
              if (data.user_names[u], data.item_names[i]) == ("5", str(rows[0][1]))]
    assert newest == [(5_000_000, 4.0)]


def test_runs_of_users_give_what_one_run_gives(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = []
    for run in (10**6, 25, 1):
        monkeypatch.setattr("rankpipe.topk.extract._RUN", run)
        workspace(here, [*views(), *((u, i, t + 9 - s, s) for u, i, t, s in views()[::3])])
        prepare("toy")
        found.append(contents(here / "build"))
    assert found[0] == found[1] == found[2] and said("toy")["duplicates_merged"] > 20


def test_rows_rated_too_low_are_no_interactions(here: Path) -> None:
    rows = [(*row[:3], 4 if n % 5 else 3) for n, row in enumerate(views())]
    rows.append((*rows[0][:2], 5_000_000, 1))  # the newest rating counts: this pair is no longer liked
    rows.append((*rows[1][:2], 5_000_000, 5))
    workspace(here, rows, source={**SOURCE, "interactions": {**SOURCE["interactions"], "min_rating": 4}})
    prepare()
    assert said()["below_min_rating"] == 60 and said()["rows"] == 240 and read("full").train.ratings.min() == 4


@pytest.mark.parametrize("split", ["leaderboard", "loglog", "leave_last_out", "random", "temporal", "held_out_users"])
def test_no_order_of_rows_or_columns_changes_a_byte(here: Path, split: str) -> None:
    rows = [*views(), *((u, i, t, s + 1) for u, i, t, s in views()[::7])]
    # Among the rows of a time some come by twice: whichever stays, it must be the same.
    shuffled = [rows[k] for k in np.random.default_rng(1).permutation(len(rows))]
    found = []
    for place, (data, order) in enumerate([(rows, (0, 1, 2, 3)), (shuffled, (3, 1, 0, 2))]):
        folder = here / str(place)
        workspace(folder, [[row[c] for c in order] for row in data], [HEADING[c] for c in order], extract__split=split,
                  extract__ratio=0.2)
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            prepare()
        found.append({k: v for k, v in contents(folder / "build").items() if not k.endswith("selection.npy")})
    assert found[0] == found[1]


def test_a_size_holds_the_users_of_a_smaller_one(here: Path) -> None:
    workspace(here, extract__sizes={"toy": {"users": 8}, "medium": {"users": 20}, "full": {"users": 99}})
    names = {}
    for size, users in (("toy", 8), ("medium", 20), ("full", 30)):
        prepare(size)
        names[size] = set(read(size).user_names)
        assert len(names[size]) == users and said(size)["took_all"] == (size == "full")
    assert names["toy"] < names["medium"] < names["full"]


@pytest.mark.parametrize("split", ["leaderboard", "random"])
def test_the_rows_hidden_of_a_user_do_not_depend_on_other_users(here: Path, split: str) -> None:
    hidden = []
    for rows in (views(), [row for row in views() if row[0] > 12]):
        workspace(here, rows, extract__split=split)
        prepare()
        data = read("full")
        hidden.append({(data.user_names[u], data.item_names[i]) for u, i in zip(data.test.users, data.test.items,
                                                                              strict=True)})
    assert hidden[1] == {pair for pair in hidden[0] if int(pair[0]) > 12} and len(hidden[1]) < len(hidden[0])


def test_parquet_and_typed_headings_give_the_same_data(here: Path) -> None:
    workspace(here / "csv")
    frame = pa_csv.read_csv(here / "csv/data/topk/train_ratings.csv")
    kinds = {"parquet": {"interactions": {"path": "data/topk/x.parquet", "time": "time", "rating": "stars"}},
             "inter": {"interactions": {"path": "data/topk/x.inter", "time": "time", "rating": "stars"}}}
    found = []
    for kind in ("csv", "parquet", "inter"):
        folder = here / kind
        workspace(folder, source={**SOURCE, **kinds.get(kind, {})})
        if kind == "parquet":  # a frame with gaps has turned the ids into floats
            floats = frame.set_column(0, "user", frame["user"].cast(pa.float64()))
            pq.write_table(floats, folder / "data/topk/x.parquet")
        table(folder / "data/topk/x.inter", ("user:token", "item:token", "time:float", "stars:float"), views())
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(folder)
            prepare()
        found.append(contents(folder / "build"))
    assert found[0] == found[1] == found[2]


def test_dates_are_times(here: Path) -> None:
    workspace(here, [(u, i, f"2014-01-{d:02d} 00:00:10", 3) for u, i, d in ((1, 100, 2), (1, 101, 1), (1, 102, 3),
                                                                           (2, 100, 1), (2, 101, 2))],
              extract__split="leave_last_out", source__user_fields={})
    prepare()
    data = read("full")
    assert data.train.times.tolist() == [1388534410, 1388534410, 1388620810] and data.test.times[0] == 1388707210


def test_a_given_split(here: Path) -> None:
    words_ = [("train", "train", "valid", "test")[n % 4] if n % 10 else "train" for n in range(300)]
    workspace(here, extract__split="given", extract__given={"path": "words.txt"})
    (here / "words.txt").write_text("\n".join(words_) + "\n")
    prepare()
    plain = contents(here / "build/full/topk/table")
    data = read("full")
    assert [len(data.train), len(data.valid), len(data.test)] == [words_.count(w) for w in ("train", "valid", "test")]
    where = {(str(u), str(i)): w for (u, i, _, _), w in zip(views(), words_, strict=True)}
    assert {where[data.user_names[u], data.item_names[i]] for u, i in zip(data.test.users, data.test.items,
                                                                         strict=True)} == {"test"}
    table(here / "splits.csv", ("other", "mine"), [("x", w) for w in words_])
    workspace(here, extract__split="given", extract__given={"path": "splits.csv", "column": "mine"})
    prepare()
    assert contents(here / "build/full/topk/table") == plain


@pytest.mark.parametrize("split", ["random", "leaderboard", "leave_last_out"])
def test_valid_is_carved_out_of_train_where_the_file_has_none(here: Path, split: str) -> None:
    words_ = ["test" if n % 10 in (3, 8) else "train" for n in range(300)]
    (here / "words.txt").write_text("\n".join(words_) + "\n")
    given = {"path": "words.txt", "valid": {"split": split, "ratio": 0.25}}
    workspace(here, extract__split="given", extract__given=given)
    prepare()
    data = read("full")
    assert len(data.test) == 60 and len(data.train) + len(data.valid) == 240
    assert len(data.valid) == {"random": 60, "leaderboard": 60, "leave_last_out": 30}[split]
    # Only a rule with a cut in time has two parts, and the file's test rows have none.
    assert (data.valid_sequential is not None) == (split == "leaderboard") and data.test_sequential is None
    assert said()["splits"]["valid"].get("sequential") == (30 if split == "leaderboard" else None)
    assert "sequential" not in said()["splits"]["test"]
    if split == "leave_last_out":  # the last of the eight train rows of each user: the tenth of his rows
        assert (data.valid.times // 1000 == 1009).all()


def test_held_out_users_are_known_by_their_fold_in_rows_alone(here: Path) -> None:
    workspace(here, extract__split="held_out_users", extract__ratio=0.2)
    prepare()
    data = read("full")
    trained, held = set(data.train.users.tolist()), set(data.fold_in.users.tolist())
    assert not trained & held and len(held) == 12
    assert set(data.valid.users.tolist()) | set(data.test.users.tolist()) == held
    assert not set(data.valid.users.tolist()) & set(data.test.users.tolist())
    assert (np.bincount(data.test.users)[sorted(set(data.test.users.tolist()))] == 2).all()
    assert data.history.sum() == len(data.train) + len(data.fold_in)
    assert data.seen("test").sum() == 300 - len(data.test) and (data.seen("valid") != data.history).nnz == 0


@pytest.mark.parametrize(("leaky", "name"), [("train", "test"), ("train", "valid"), ("valid", "test")])
def test_a_hidden_row_that_stands_in_train_is_refused(here: Path, leaky: str, name: str) -> None:
    workspace(here)
    prepare()
    data = read("full")
    planted = merge(getattr(data, leaky), getattr(data, name).take(np.array([4])))
    write_split(paths.split("full", "topk", leaky), planted, None)
    with pytest.raises(InputError, match=f"1 rows stand in {leaky} and {name}, such as user .* {name} would leak"):
        read("full")


def test_a_damaged_or_foreign_table_is_refused(here: Path) -> None:
    workspace(here)
    prepare()
    path = paths.split("full", "topk", "train")
    whole = path.read_bytes()
    rows, _ = read_split("full", "train", 30, 20)
    write_split(path, Interactions(rows.users, rows.items[::-1], 30, 20), None)
    with pytest.raises(InputError, match=r"train\.h5: rows out of range or out of order"):
        read("full")
    path.write_bytes(whole[:-300])
    with pytest.raises(InputError, match=r"train\.h5: damaged at"):
        read("full")
    path.unlink()
    with pytest.raises(InputError, match=r"train\.h5: not found; run convert"):
        read("full")
    path.write_bytes(whole)
    prepare("toy")
    for name in ("fields.h5", "fields.json"):
        (paths.features("full", "topk") / name).write_bytes((paths.features("toy", "topk") / name).read_bytes())
    with pytest.raises(InputError, match="is of another table; run features"):
        read("full")


def test_memory_is_some_bytes_a_row(here: Path) -> None:
    peaks = {}
    program = ("import resource, sys; sys.path[:0] = [{src!r}, {tests!r}]; from rankpipe.topk import {verb}; "
               "{verb}.{verb}('full'); print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)")
    for rows in (100_000, 600_000):
        folder = here / str(rows)
        workspace(folder, [], extract__split="leaderboard", source__item_fields={}, source__user_fields={})
        rng = np.random.default_rng(0)
        columns = [np.repeat(np.arange(rows // 100), 100), rng.integers(0, 5000, rows), rng.integers(0, 10**9, rows),
                   rng.integers(1, 6, rows)]
        pa_csv.write_csv(pa.table(dict(zip(HEADING, columns, strict=True))), folder / "data/topk/train_ratings.csv")
        for verb in ("extract", "convert"):
            done = subprocess.run([sys.executable, "-c", program.format(src=str(ROOT / "src"), tests="", verb=verb)],
                                  cwd=folder, capture_output=True, text=True, check=True)
            peaks[verb, rows] = int(done.stdout) * 1024
    for verb in ("extract", "convert"):
        assert (peaks[verb, 600_000] - peaks[verb, 100_000]) / 500_000 < 150


@pytest.mark.parametrize(("column", "counts"), [("topk_random", (80_808, 9_596, 9_596)),
                                                ("topk_mask", (90_404 - 9_057, 9_057, 9_596))])
def test_movielens(here: Path, real_data: Path, column: str, counts: tuple[int, int, int]) -> None:
    folder = real_data / "movielens-100k"
    if not folder.is_dir():
        pytest.skip(f"{folder} isn't there")
    given = {"path": str(folder / "splits.csv"), "column": column}
    if column == "topk_mask":
        given["valid"] = {"split": "leaderboard", "ratio": 0.1}
    item, user = ({"path": str(folder / f"ml-100k.{side}"), "id": f"{side}_id"} for side in ("item", "user"))
    workspace(here, extract__split="given", extract__given=given, features__buckets={"default": 10}, source={
        "interactions": {"path": str(folder / "ml-100k.inter"), "user": "user_id", "item": "item_id",
                         "time": "timestamp", "rating": "rating"},
        "item_fields": {"genre": {**item, "column": "class", "split": " "},
                        "year": {**item, "column": "release_year", "kind": "number", "missing": ["unkonwn", "V"]}},
        "user_fields": {"age": {**user, "column": "age", "kind": "number"},
                        "gender": {**user, "column": "gender"}, "occupation": {**user, "column": "occupation"}}})
    prepare()
    data = read("full")
    train, valid, test = len(data.train), len(data.valid), len(data.test)
    assert (train + valid, test) == (counts[0] + counts[1], counts[2])
    assert abs(valid - counts[1]) < 150 if column == "topk_mask" else valid == counts[1]
    assert (data.n_users, data.n_items) == (943, 1682) and data.user_names[:3] == ["1", "2", "3"]
    assert [(f.name, f.size) for f in data.user_fields] == [("age", 10), ("gender", 2), ("occupation", 21)]
    assert data.item_fields[0].size == 19 and data.item_fields[1].lengths.sum() == 1680


def test_the_data_sets_of_other_tests_keep_the_contract() -> None:
    for data in (checkerboard(), random_dataset()):
        parts = [part.keys() for part in (data.train, data.valid, data.test)]
        assert len(np.unique(np.concatenate(parts))) == sum(map(len, parts))
        assert all((np.diff(part) > 0).all() for part in parts)
        assert data.seen("test").sum() == len(parts[0]) + len(parts[1])
        assert (np.bincount(data.train.users, minlength=data.n_users) > 0).all()


def test_fields_and_interactions_by_hand() -> None:
    one = field("f", 3, np.array([2, 0, 2, 2]), np.array([1, 2, 0, 1]), 4)
    assert one.offsets.tolist() == [0, 1, 1, 3, 3] and one.values.tolist() == [2, 0, 1]
    assert one.matrix().toarray().tolist() == [[0, 0, 1], [0, 0, 0], [0.5, 0.5, 0], [0, 0, 0]]
    a = Interactions.of(np.array([1, 0, 1]), np.array([0, 2, 0]), 2, 3, np.array([7, 8, 9]))
    b = Interactions.of(np.array([1, 1]), np.array([0, 1]), 2, 3)
    assert (a.users.tolist(), a.items.tolist(), a.times.tolist()) == ([0, 1], [2, 0], [8, 7])
    both = a + b
    assert both.keys().tolist() == [2, 3, 4] and both.times is None and both.offsets.tolist() == [0, 1, 3]
    assert both.matrix().toarray().tolist() == [[0, 0, 1], [1, 1, 0]]
    with pytest.raises(ValueError, match="different code spaces"):
        merge(a, Interactions.of(np.array([0]), np.array([0]), 3, 3))


def test_a_size_unknown_to_params(here: Path) -> None:
    workspace(here)
    with pytest.raises(InputError, match="no size 'fll'; did you mean 'full'"):
        extract("fll")
