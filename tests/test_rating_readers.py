"""Raw files of the track `rating`, good and bad: what is read, and the one line that says why it isn't."""

import csv
import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from rating_raw import rows, workspace, write_lines

from rankpipe import paths
from rankpipe.data.columns import Words
from rankpipe.data.origin import Origin
from rankpipe.data.typed import ids, numbers, times
from rankpipe.errors import InputError
from rankpipe.io.jsonlines import JsonLinesTable
from rankpipe.rating.convert import convert
from rankpipe.rating.extract import extract
from rankpipe.rating.reading import reviews
from rankpipe.rating.source import Reviews, Source
from rankpipe.stage import run, verb

YELP = Reviews("review.json", "user_id", "business_id", "stars", "text", "date")
THREE = [
    '{"review_id":"r0","user_id":"a","business_id":"x","stars":4.0,"text":"Ça va\\n\\"fine\\"",'
    '"date":"2018-07-07 22:09:11"}',
    '{"date":"2012-01-03 15:28:18","user_id":"b","business_id":"x","stars":1,"useful":3,"text":null}',
    '{"user_id":"a","business_id":"y","stars":5.0,"text":"half a pair \\ud83d","date":"2014-02-05 20:30:30"}',
]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_yelp_reviews_read_by_hand(here: Path) -> None:
    (here / "review.json").write_text("\n".join(THREE) + "\n\n", encoding="utf-8")
    users, items = Words(), Words()
    block, = reviews(Source(YELP), users, items, texts=True)
    assert (list(users), list(items)) == (["a", "b"], ["x", "y"])
    assert (block.users.tolist(), block.items.tolist()) == ([0, 1, 0], [0, 0, 1])
    assert block.ratings.tolist() == [4, 1, 5] and block.texts == ['Ça va\n"fine"', "", "half a pair \ufffd"]
    assert block.times.tolist() == [1_531_001_351, 1_325_604_498, 1_391_632_230]
    block, = reviews(Source(YELP), Words(), items, np.array([0, 0, 1], np.uint8))
    assert (block.rows.tolist(), block.users.tolist(), block.texts) == ([2], [0], None)


def test_moments_and_ids_in_every_form() -> None:
    origin = Origin("file", np.arange(9))
    second = 1_531_001_351
    for cells in (["2018-07-07 22:09:11", "2018-07-07T22:09:11"], ["2018-07-07T22:09:11Z", "2018-07-08T00:09:11+02:00"],
                  [str(second), f" {second} "], [f"{second}.7", f"{second}"],
                  ["2018-07-07 22:09:11.9", "2018-07-07T22:09:11"]):
        assert times(pa.array(cells), "at", origin).tolist() == [second, second], cells
    assert times(pa.array([1.5e9, 1_500_000_000.9]), "at", origin).tolist() == [1_500_000_000] * 2
    stamps = pa.array([second * 1000 + 999], pa.timestamp("ms", "Asia/Seoul"))
    assert times(stamps, "at", origin).tolist() == [second]
    assert times(pa.array(["2018-07-07"]), "at", origin).tolist() == [1_530_921_600]
    assert ids(pa.array([3.0, 4.0]), "id", origin).to_pylist() == ["3", "4"]
    assert ids(pa.array([3, 4]), "id", origin).to_pylist() == ids(pa.array(["3", "4"]), "id", origin).to_pylist()
    assert numbers(pa.array([" 4.5", "", None]), "x", origin)[0] == 4.5
    assert np.isnan(numbers(pa.array([" 4.5", "", None]), "x", origin)[1:]).all()


def test_a_quoted_text_may_run_over_the_end_of_a_block(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rankpipe.io.delimited._BLOCK_BYTES", 1000)
    texts = [f'first line {i},\n\nsecond "line"' for i in range(200)]
    with (here / "r.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("user_id", "item_id", "rating", "text"),
                                    *(("u", f"i{i}", 3, said) for i, said in enumerate(texts))])
    found = list(reviews(Source(Reviews("r.csv", text="text")), Words(), Words(), texts=True))
    assert len(found) > 5 and [said for block in found for said in block.texts] == texts
    assert np.concatenate([block.rows for block in found]).tolist() == list(range(200))


@pytest.mark.parametrize(("content", "what"), [
    (b"", "f.json: empty"),
    (b"\n\n", "f.json: empty"),
    (b"[1]\n", "line 1 is not a JSON object"),
    (b'{"a":1}\n{"a":\n{"a":2}\n', "line 2 is not JSON"),
    (b'{"a":1}\n\n{"a":2}\n', "line 2 is blank"),
    (b'{"a":1}\n{"a":"\xff"}\n', "line 2 isn't UTF-8"),
    (b'{"a":1}\n{"a":"x"}\n', r"column 'a', row 1 \(the first is 0\): 'x' is of another kind"),
    (b'{"a":1}\n' + b"[" * 100_000, "line 2 is not JSON"),
])
def test_lines_that_are_no_json_name_their_place(here: Path, content: bytes, what: str) -> None:
    (here / "f.json").write_bytes(content)
    with pytest.raises(InputError, match=what):
        list(JsonLinesTable("f.json").spans(["a"]))


def test_a_cut_gzip_file_is_told(here: Path) -> None:
    whole = gzip.compress(b"".join(b'{"a": %d, "b": "%d"}\n' % (i, i * i) for i in range(20_000)))
    (here / "f.json.gz").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(InputError, match=r"f\.json\.gz: damaged after line \d+"):
        list(JsonLinesTable("f.json.gz").spans(["a"]))
    (here / "f.json.gz").write_bytes(b"not gzip")
    with pytest.raises(InputError, match=r"f\.json\.gz: damaged after line 0"):
        JsonLinesTable("f.json.gz")


def refused(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Runs the stage, which must fail as it should; its error line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run(lambda track, size: verb(track, name)(size), "TRACK SIZE", ["rating", "full"])
    assert caught.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    folder = paths.selection("full", "rating") if name == "extract" else paths.table("full", "rating")
    assert not folder.exists() and not (folder.parent.exists() and list(folder.parent.glob(".*")))
    return lines[0]


def changed(row: int, **values: Any) -> list[dict[str, Any]]:
    found = rows()
    found[row] = {k: v for k, v in {**found[row], **values}.items() if v is not ...}
    return found


REVIEWS = {"path": "data/rating/review.json", "text": "text", "timestamp": "at"}


@pytest.mark.parametrize(("found", "changes", "what"), [
    (changed(7, rating=None), {}, "column 'rating', row 7 (the first is 0): the rating is missing"),
    (changed(7, rating=...), {}, "column 'rating', row 7 (the first is 0): the rating is missing"),
    (changed(7, rating=float("nan")), {}, "row 7 (the first is 0): the rating is missing"),
    (changed(7, rating=float("inf")), {}, "row 7 (the first is 0): the number is infinite"),
    (changed(7, rating=5.5), {}, "row 7 (the first is 0): the rating is 5.5, off the scale from 1 to 5"),
    (changed(7, rating=0), {}, "the rating is 0, off the scale"),
    (changed(7, rating="good"), {}, "row 7 (the first is 0): 'good' is of another kind"),
    ([{**r, "rating": "good"} for r in rows()], {}, "row 0 (the first is 0): 'good' is not a number"),
    ([{**r, "rating": [1]} for r in rows()], {}, "column 'rating': wrong type list"),
    (changed(7, user_id=""), {}, "column 'user_id', row 7 (the first is 0): the id is missing"),
    (changed(7, item_id=None), {}, "column 'item_id', row 7 (the first is 0): the id is missing"),
    ([{**r, "item_id": 1.5} for r in rows()], {}, "1.5 can't be an id"),
    (changed(7, at=None), {}, "column 'at', row 7 (the first is 0): the time is missing"),
    ([{**r, "at": "yesterday"} for r in rows()], {}, "'yesterday' is neither seconds nor a date"),
    ([{**r, "user": r["user_id"]} for r in rows()], {"source__reviews": {**REVIEWS, "user": "user_idd"}},
     "no key 'user_idd' in the first 400 lines, which params.yaml: rating.source.reviews names; did you mean "),
    (None, {"source__reviews": {**REVIEWS, "path": "none.json"}}, "none.json: not found"),
    (None, {"source__reviews": {**REVIEWS, "path": "params.yaml"}}, "no separator is known for the ending '.yaml'"),
    (None, {"source__reviews": {**REVIEWS, "stars": "x"}}, "rating.source.reviews.stars: unknown parameter"),
    (None, {"source__scale": [5, 1]}, "scale: expected the lowest rating and the highest, got [5.0, 1.0]"),
    (None, {"source__users": {"path": "u", "id": "i", "stats": {"review_counts": ["a"]}}},
     "users.stats.review_counts: no such stat; did you mean 'review_count'?"),
    (None, {"extract__split": "randm"}, "did you mean 'random'?"),
    (None, {"extract__valid": 0.5, "extract__test": 0.5}, "leave no rows to train on"),
    (None, {"extract__split": "given"}, "set rating.extract.given"),
    (None, {"extract__split": "given", "extract__given": {"path": "none"}}, "none: not found"),
    (None, {"extract__split": "given", "extract__given": {"path": "words.txt"}}, "line 2: 'trian'; each line must be"),
    (None, {"extract__split": "given", "extract__given": {"path": "words.csv", "column": "splt"}},
     "no column 'splt', which params.yaml: rating.extract.given.column names; did you mean 'split'?"),
    (None, {"extract__split": "given", "extract__given": {"path": "words.csv", "column": "split"}},
     "2 words for the 400 rows"),
    (rows(3), {}, "'valid' is empty"),
    (None, {"extract__sizes": {"ful": {}}}, "no size 'full'; did you mean 'ful'?"),
])
def test_bad_reviews_and_parameters_are_one_line(here: Path, found: list[dict[str, Any]] | None,
                                                 changes: dict[str, Any], what: str,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here, found, **changes)
    (here / "words.txt").write_text("train\ntrian\n")
    (here / "words.csv").write_text("split\ntrain\ntest\n")
    assert what in refused("extract", capsys)


@pytest.mark.parametrize(("users", "changes", "what"), [
    ([{"id": "u1", "fans": 1}, {"id": "u1", "fans": 2}], {}, "row 1 (the first is 0): 'u1' stands in row 0 already"),
    ([{"id": "u1", "fans": "many"}], {}, "column 'fans', row 0 (the first is 0): 'many' is not a number"),
    ([{"id": None, "fans": 1}], {}, "column 'id', row 0 (the first is 0): the id is missing"),
    ([{"id": "u1", "fan": 1}], {}, "no key 'fans' in the first 1 lines, which params.yaml: rating.source.users"),
    ([{"id": "u1", "fans": 1}], {"stats": {"compliment": ["compliment_*"]}}, "no column 'compliment_*'"),
    ([{"id": "u1", "fans": {"a": 1}}], {"fields": {"f": {"column": "fans"}}}, "column 'fans': wrong type struct"),
    ([{"id": "u1", "fans": 1}], {"numbers": {"f": {"column": "fns"}}}, "did you mean 'fans'?"),
    ([{"id": "u1", "fans": 1}], {"numbers": {"f": {"column": "fans"}}, "fields": {"f": {"column": "fans"}}},
     "'f' is one of fields and of numbers"),
    ([{"id": "u1", "fans": 1}], {"fields": {"f": {"column": "fans", "split": ""}}}, "split must be a character"),
])
def test_bad_user_files_are_one_line(here: Path, users: list[dict[str, Any]], changes: dict[str, Any], what: str,
                                     capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here)
    extract("full")
    write_lines(here / "users.json", users)
    side = {"path": "users.json", "id": "id", **({} if changes else {"stats": {"fans": ["fans"]}}), **changes}
    workspace(here, source__users=side)
    assert what in refused("convert", capsys)


def test_a_list_in_json_is_several_words(here: Path) -> None:
    write_lines(here / "items.json", [{"id": f"i{i}", "kinds": [["b", "a"], [], None][i % 3]} for i in range(20)])
    workspace(here, source__items={"path": "items.json", "id": "id", "fields": {"kind": {"column": "kinds"}}})
    extract("full")
    convert("full")
    from rankpipe.rating import table

    side = table.items("full")
    kind = side.fields[0]
    assert kind.words == ["a", "b"]
    assert np.diff(kind.offsets).tolist() == [[2, 0, 0][int(name[1:]) % 3] for name in side.names]


def test_keys_may_come_in_any_order_and_be_missing_in_the_first_line(here: Path) -> None:
    write_lines(here / "a.json", [{"x": 1, "y": "b"}, {"z": "d", "y": "c", "x": 2}])
    table = JsonLinesTable("a.json")
    table.require(["z"])
    batches = [(first, batch.to_pydict()) for first, batch in table.spans(["y", "z", "x"], batch_rows=1)]
    assert batches == [(0, {"y": ["b"], "z": [None], "x": [1]}), (1, {"y": ["c"], "z": ["d"], "x": [2]})]
