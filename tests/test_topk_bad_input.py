"""Bad raw tables and parameters of the topk track: one line that names file, row and column, and no output."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from topk_tables import SOURCE, prepare, table, views, workspace

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.stage import run, verb
from rankpipe.topk.extract import extract

RAW = Path("data/topk/train_ratings.csv")
NO_TIMES = {**SOURCE, "interactions": {"path": str(RAW)}}
WITHOUT = {"source__item_fields": {}, "source__user_fields": {}}


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def refused(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    """Runs the stage, which must fail as it should; its error line."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as caught:
        run(lambda track, size: verb(track, name)(size), "TRACK SIZE", ["topk", "full"])
    assert caught.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    folder = {"extract": paths.selection, "convert": paths.table, "features": paths.features}[name]("full", "topk")
    assert not folder.exists() and not list(folder.parent.glob(".*"))
    return lines[0]


def cell(row: int, column: int, value: Any) -> list[tuple[Any, ...]]:
    rows = [list(r) for r in views()]
    rows[row][column] = value
    return rows


def field(side: str, name: str, **change: Any) -> dict[str, Any]:
    return {f"source__{side}_fields__{name}": {**SOURCE[f"{side}_fields"][name], **change}}


EXTRACT = [
    (cell(17, 0, ""), {}, "train_ratings.csv: column 'user', row 17 (the first is 0): the id is missing"),
    (cell(17, 0, "NaN"), {}, "column 'user', row 17 (the first is 0): the id is missing"),
    (cell(4, 1, ""), {}, "column 'item', row 4 (the first is 0): the id is missing"),
    (cell(250, 2, "soon"), {}, "column 'time', row 250 (the first is 0): 'soon' is not a number"),
    (cell(250, 2, ""), {}, "column 'time', row 250 (the first is 0): the time is missing"),
    (cell(250, 2, "inf"), {}, "column 'time', row 250 (the first is 0): 'inf' is not a number"),
    (cell(9, 3, "good"), {}, "column 'stars', row 9 (the first is 0): 'good' is not a number"),
    (cell(9, 3, ""), {}, "column 'stars', row 9 (the first is 0): the number is missing"),
    ([], {}, "train_ratings.csv: has no rows"),
    (views(), {"source__interactions": {"path": "data/topk/none.csv"}}, "data/topk/none.csv: not found"),
    (views(), {"source__interactions": {"path": str(RAW), "user": "usr"}}, "no column 'usr', which params.yaml: "
     "topk.source.interactions names; did you mean 'user'?"),
    (views(), {"source__interactions": {**SOURCE["interactions"], "min_rating": 6}}, "no row has stars of 6 or more"),
    (views(), {"source__interactions": {"path": str(RAW), "min_rating": 3}}, "min_rating needs the column rating"),
    (views(), {"source__interactions": {"path": "params.yaml"}}, "no separator is known for the ending '.yaml'"),
    (views(), {"source__interactions": {"path": str(RAW), "separator": ";"}}, "no column 'user'"),
    (views(), {"source": NO_TIMES, "extract__split": "leaderboard"}, "leaderboard needs times"),
    (views(), {"source": NO_TIMES, "extract__split": "temporal"}, "temporal needs times; set topk.source.inter"),
    (views(), {"extract__split": "leaderbord"}, "'leaderbord' is not a choice; did you mean 'leaderboard'?"),
    (views(), {"extract__ratio": 0.5}, "topk.extract.ratio: 0.5 is out of range; it must be > 0 and < 0.5"),
    (views(), {"extract__sizes": {"full": {"rows": 3}}}, "topk.extract.sizes.full.rows: unknown parameter"),
    (views()[:5], {}, "split random: 'valid' is empty"),
    (views(), {"extract__split": "given"}, "set topk.extract.given"),
    (views(), {"extract__split": "given", "extract__given": {"path": "no.txt"}}, "no.txt: not found"),
    (views(), {"extract__split": "given", "extract__given": {"path": str(RAW), "column": "split"}},
     "no column 'split', which params.yaml: topk.extract.given.column names"),
    (views(), {"extract__split": "given", "extract__given": {"path": str(RAW), "column": "time"}},
     "column 'time', row 0 (the first is 0): '1000000'; each row must be train, valid or test"),
    (views(), {"source__item_feilds": {}}, "topk.source.item_feilds: unknown parameter; did you mean 'item_fields'?"),
    (views(), field("item", "genre", kind="word"), "item_fields.genre.kind: 'word' is not a choice"),
    (views(), field("item", "year", otherwise=SOURCE["item_fields"]["genre"]), "otherwise must be of the same kind"),
    (views(), {"source__user_fields": SOURCE["item_fields"]}, "field 'genre' is one of items and of users"),
]


@pytest.mark.parametrize(("rows", "changes", "said"), EXTRACT)
def test_extract_refuses(here: Path, capsys: pytest.CaptureFixture[str], rows: list[Any], changes: dict[str, Any],
                         said: str) -> None:
    workspace(here, rows, **changes)
    assert said in refused("extract", capsys)


CONVERT = [
    (field("item", "genre", path="data/topk/none.tsv"), "data/topk/none.tsv: not found"),
    (field("item", "genre", column="gender"), "no column 'gender', which params.yaml: topk.source.item_fields.genre "
     "names; did you mean 'genre'?"),
    (field("item", "genre", kind="number"), "genres.tsv: column 'genre', row 0 (the first is 0): 'G0' is not a number; "
     "name it in missing, or mend it"),
    (field("item", "genre", id="genre"), "column 'genre' names none of the 20 items"),
    ({"convert__rating": True}, "topk.convert.rating: unknown parameter; did you mean 'ratings'?"),
]


@pytest.mark.parametrize(("changes", "said"), CONVERT)
def test_convert_refuses(here: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str) -> None:
    workspace(here, **changes)
    extract("full")
    assert said in refused("convert", capsys)


def test_convert_needs_a_selection_of_this_table(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here)
    assert "selection.npy: not found; run extract" in refused("convert", capsys)
    extract("full")
    for rows in (views()[:-1], [*views(), (5, 119, 3, 3)]):
        workspace(here, rows)
        assert "has other rows than the 300 of the selection; run extract again" in refused("convert", capsys)


FEATURES = [
    ({"min_count": {"genre": 2}}, "topk.features: min_count needs the key default"),
    ({"min_count": {"default": 1, "gener": 2}}, "topk.features.min_count.gener: no field 'gener'; did you mean"),
    ({"min_count": {"default": 99}}, "no value of field 'job' occurs 99 times in train; lower it"),
    ({"buckets": {"default": 1}}, "buckets.default: 1 is out of range; it must be ≥ 2"),
]


@pytest.mark.parametrize(("changes", "said"), FEATURES)
def test_features_refuses(here: Path, capsys: pytest.CaptureFixture[str], changes: dict[str, Any], said: str) -> None:
    workspace(here)
    prepare("full")
    for path in paths.features("full", "topk").iterdir():
        path.unlink()
    paths.features("full", "topk").rmdir()
    workspace(here, features=changes)
    assert said in refused("features", capsys)


def test_given_words(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here, extract__split="given", extract__given={"path": "words.txt"})
    words = ["train", "test", "valid"] * 100
    for wrong, said in ((words[:-1], "words.txt: 299 words for the 300 rows of data/topk/train_ratings.csv"),
                        ([*words[:7], "tets", *words[8:]], "words.txt: line 8: 'tets'; each line must be train, valid"),
                        (["train", "test"] * 150, "words.txt: has no valid rows; set params.yaml: topk.extract")):
        (here / "words.txt").write_text("\n".join(wrong))
        assert said in refused("extract", capsys)
    (here / "words.txt").write_text("\n".join(words))
    workspace(here, extract__split="given", extract__given={"path": "words.txt", "valid": {}})
    assert "words.txt: has valid rows of its own; drop" in refused("extract", capsys)
    table(here / "words.csv", ("a",), [(w,) for w in words[:-2]])
    workspace(here, extract__split="given", extract__given={"path": "words.csv", "column": "a"})
    assert "words.csv: 298 words for the 300 rows" in refused("extract", capsys)


def test_damaged_text(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here)
    whole = RAW.read_bytes()
    for damage, said in ((whole.replace(b"\n7,", b"\n7,8,", 1), "train_ratings.csv: damaged after row 0 (CSV"),
                         (whole.replace(b"\n7,", b"\n\xff,", 1), "invalid UTF8"), (b"", "no heading"),
                         (b"\n" + whole, "no heading"), (b"user,user,item,time,stars\n", "'user' stands there twice")):
        RAW.write_bytes(damage)
        assert said in refused("extract", capsys)


def test_ids_are_never_fractions(here: Path) -> None:
    workspace(here, source={**SOURCE, "interactions": {"path": "data/topk/x.parquet"}})
    for value, said in ((1.5, "row 1 .*: 1.5 is no id"), (float("nan"), "row 1 .*: the id is missing"),
                        (float("inf"), "row 1 .*: the id is missing"), (None, "row 1 .*: the id is missing")):
        pq.write_table(pa.table({"user": pa.array([1.0, value], pa.float64()), "item": [1, 2]}),
                       here / "data/topk/x.parquet")
        with pytest.raises(InputError, match=said):
            extract("full")
    pq.write_table(pa.table({"user": [[1], [2]], "item": [1, 2]}), here / "data/topk/x.parquet")
    with pytest.raises(InputError, match="column 'user': wrong type list"):
        extract("full")
