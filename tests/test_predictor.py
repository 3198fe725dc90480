"""A loaded bundle scores data frames, and refuses what doesn't fit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shipping import change, raw, shipped

from rankpipe import paths
from rankpipe.ctr.predict import predict
from rankpipe.ctr.predictor import text_only
from rankpipe.ctr.push import push
from rankpipe.errors import InputError
from rankpipe.hub import Predictor
from rankpipe.hub.__main__ import main


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = shipped(tmp_path_factory.mktemp("predictor") / "project", gate=None)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        predict("toy")
        push("toy")
    return folder


@pytest.fixture(scope="module")
def predictor(project: Path) -> Predictor:
    return Predictor.from_pretrained(project / paths.bundle("toy", "ctr"))


@pytest.fixture
def frame() -> pd.DataFrame:
    return raw(300, 2).to_pandas()


def test_it_gives_the_scores_of_the_predict_stage(project: Path, predictor: Predictor, frame: pd.DataFrame) -> None:
    stage = pd.read_csv(project / paths.predictions("toy", "ctr") / "submission.csv").set_index("ID")["clicked"]
    got = predictor.predict(frame)
    assert (got.dtype, got.shape) == (np.float32, (300,))
    np.testing.assert_allclose(got, stage[frame["ID"]].to_numpy(), atol=1e-6)
    assert got.std() > 0.01


def test_the_sample_request_gets_its_score(predictor: Predictor) -> None:
    rows, expected = predictor.sample()
    assert set(rows.columns) == {"city", "hour", "price", "age", "seq"}
    assert len(rows.loc[0, "seq"].split(",")) == 5
    np.testing.assert_allclose(predictor.predict(rows), expected, atol=1e-6)


def test_columns_may_stand_in_any_order_and_others_are_ignored(predictor: Predictor, frame: pd.DataFrame) -> None:
    turned = frame[frame.columns[::-1]].assign(other="x")
    np.testing.assert_array_equal(predictor.predict(turned), predictor.predict(frame))
    bare = frame.drop(columns="ID").set_index(pd.Index(range(1000, 1300)))
    np.testing.assert_array_equal(predictor.predict(bare), predictor.predict(frame))


def test_each_row_is_scored_for_itself(predictor: Predictor, frame: pd.DataFrame) -> None:
    alone = np.concatenate([predictor.predict(frame.iloc[[i]]) for i in range(20)])
    np.testing.assert_allclose(alone, predictor.predict(frame)[:20], atol=1e-6)
    turned = predictor.predict(frame.iloc[::-1])
    np.testing.assert_allclose(turned[::-1], predictor.predict(frame), atol=1e-6)


def test_an_empty_frame_gives_an_empty_array(predictor: Predictor, frame: pd.DataFrame) -> None:
    got = predictor.predict(frame.iloc[:0])
    assert (got.dtype, got.shape) == (np.float32, (0,))


def test_a_sequence_may_be_a_list(predictor: Predictor, frame: pd.DataFrame) -> None:
    lists = frame.assign(seq=[[int(x) for x in s.split(",") if x] for s in frame["seq"]])
    np.testing.assert_array_equal(predictor.predict(lists), predictor.predict(frame))


def test_missing_values_are_scored_as_missing(predictor: Predictor, frame: pd.DataFrame) -> None:
    blank = frame.assign(city=None, price=np.nan, seq=None)
    assert np.isfinite(predictor.predict(blank)).all()


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda f: f.drop(columns="price"), r"^the frame has no column 'price'"),
    (lambda f: f.rename(columns={"hour": "huor"}), r"^the frame has no column 'hour'; did you mean 'huor'"),
    (lambda f: f.assign(price="dear"), r"^the frame: column 'price': wrong type"),
    (lambda f: f.assign(price=[1.5, "x"] * 150), r"^the frame: column 'price': values of mixed types"),
    (lambda f: f.assign(hour=f["hour"].astype(int)), r"'hour': wrong type int64; the model knows text such as '0"),
    (lambda f: f.assign(city=1.5), r"^the frame: column 'city': wrong type float64"),
    (lambda f: f.assign(seq=7), r"^the frame: column 'seq': wrong type int64"),
    (lambda f: f.assign(seq=[*["1,2"] * 299, "1,,2"]), r"^the frame: column 'seq', row 299 \(the first is 0\)"),
    (lambda f: f.assign(ID=[*["a"] * 299, None]), r"^the frame: column 'ID', row 299 \(the first is 0\): missing"),
    (lambda f: f.assign(price=np.inf), r"^the frame: column 'price', row 0 \(the first is 0\): infinite"),
    (lambda f: pd.concat([f, f[["price"]]], axis=1), r"^the frame has 2 columns 'price'; keep one"),
    (lambda f: f.to_dict("list"), r"^predict expects a pandas\.DataFrame, got dict"),
])
def test_a_bad_frame_is_refused_by_column(predictor: Predictor, frame: pd.DataFrame, spoil: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        predictor.predict(spoil(frame))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(("values", "word"), [
    (("08", "11"), "08"), (("1.0",), "1.0"), (("red", "blue"), "red"), (("7", "12"), None), (("1.5", "2.5"), None),
    (("1", "2", "unknown"), None), ((), None), ((7, 12), None),
])
def test_numbers_are_refused_only_where_they_would_be_misread(values: tuple, word: str | None) -> None:
    assert text_only(values) == word


def test_it_loads_without_the_repository(project: Path, tmp_path: Path, frame: pd.DataFrame, root: Path) -> None:
    """In another folder, from a copy, through the command."""
    frame.to_csv(tmp_path / "rows.csv", index=False)
    bundle = str(project / paths.bundle("toy", "ctr"))
    command = [sys.executable, "-m", "rankpipe.hub", "predict", bundle, "rows.csv", "out.csv"]
    env = {"PYTHONPATH": str(root / "src"), "PATH": ""}
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    got = pd.read_csv(tmp_path / "out.csv")
    assert list(got.columns) == ["ID", "score"]
    assert list(got["ID"]) == list(frame["ID"])
    stage = pd.read_csv(project / paths.predictions("toy", "ctr") / "submission.csv").set_index("ID")["clicked"]
    np.testing.assert_allclose(got["score"], stage[got["ID"]], atol=1e-6)


@pytest.mark.parametrize(("words", "message"), [
    (("predict", "BUNDLE", "nowhere.parquet", "out.csv"), r"nowhere\.parquet: not found"),
    (("predict", "BUNDLE", "rows.xlsx", "out.csv"), r"rows\.xlsx: give a \.parquet or a \.csv file"),
    (("predict", "BUNDLE", "half.parquet", "out.csv"), r"half\.parquet: not readable"),
    (("predict", "BUNDLE", "few.csv", "out.csv"), r"the frame has no column 'city'"),
    (("predict", "nowhere/at/all", "few.csv", "out.csv"), r"nowhere/at/all: no such folder"),
    (("score", "BUNDLE", "few.csv", "out.csv"), r"no command 'score'; known: predict"),
])
def test_a_bad_command_is_one_line(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple,
                                   message: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("half.parquet").write_bytes((project / "data/ctr/test.parquet").read_bytes()[:500])
    Path("few.csv").write_text("ID,hour\na,08\n")
    bundle = str(project / paths.bundle("toy", "ctr"))
    with pytest.raises(InputError, match=message):
        main(*(bundle if word == "BUNDLE" else word for word in words))
    assert not Path("out.csv").exists()


def test_the_command_takes_parquet_too(project: Path, tmp_path: Path, predictor: Predictor,
                                      frame: pd.DataFrame) -> None:
    source, output = project / "data/ctr/test.parquet", tmp_path / "out.csv"
    main("predict", str(project / paths.bundle("toy", "ctr")), str(source), str(output))
    np.testing.assert_allclose(pd.read_csv(output)["score"], predictor.predict(frame), atol=1e-6)


def test_trees_and_other_nets_travel_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frame: pd.DataFrame) -> None:
    folder = shipped(tmp_path / "project", gate=None)
    monkeypatch.chdir(folder)
    for model in ("lr", "deepfm", "lightgbm"):
        change(folder, "push", model=model)
        push("toy")
        predictor = Predictor.from_pretrained(paths.bundle("toy", "ctr"))
        assert predictor.manifest.model == model
        rows, expected = predictor.sample()
        np.testing.assert_allclose(predictor.predict(rows), expected, atol=1e-6)
        assert predictor.predict(frame).std() > 0
