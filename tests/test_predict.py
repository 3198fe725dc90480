"""The predict stage: raw unlabelled parquet in, a submission out."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from shipping import SCHEMA, change, raw, shipped, write_sample

from rankpipe import paths
from rankpipe.choice import chosen
from rankpipe.ctr.predict import predict
from rankpipe.ctr.scoring import load_model
from rankpipe.data.encoders import Encoders
from rankpipe.data.parsing import parse
from rankpipe.errors import InputError
from rankpipe.io.digest import sha256
from rankpipe.io.json import read_json, write_json

OUT = paths.predictions("toy", "ctr")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(shipped(tmp_path / "project"))
    return tmp_path / "project"


def submission() -> pd.DataFrame:
    return pd.read_csv(OUT / "submission.csv", dtype={"ID": str})


def expected(model: str = "din") -> pd.Series:
    """ID → probability, one row at a time and without the stage."""
    table = raw(300, 2)
    encoders, scorer = Encoders.load(paths.features("toy", "ctr")), load_model(paths.model("toy", "ctr", model))
    found = {}
    for batch in table.to_batches(max_chunksize=1):
        dictionaries: dict = {}
        columns = parse(batch, SCHEMA, dictionaries)
        found[batch["ID"][0].as_py()] = scorer.probabilities(encoders.for_dictionaries(dictionaries).encode(columns))[0]
    return pd.Series(found)


def test_every_row_gets_its_own_score_in_the_sample_s_order(project: Path) -> None:
    predict("toy")
    got = submission()
    assert list(got.columns) == ["ID", "clicked"]
    assert list(got["ID"]) == list(pd.read_csv("data/ctr/sample_submission.csv")["ID"])
    assert list(got["ID"]) != sorted(got["ID"])
    want = expected()[got["ID"]].to_numpy()
    np.testing.assert_allclose(got["clicked"], want, atol=1e-6)
    assert want.std() > 0.01, "a model that gives everybody the same tells nothing here"
    summary = read_json(OUT / "prediction.json")
    assert (summary["model"], summary["rows"], summary["prior"]) == ("din", 300, None)
    assert summary["mean"] == pytest.approx(want.mean(), abs=1e-6)


@pytest.mark.parametrize("model", ["din", "lightgbm"])
def test_a_probability_is_the_logistic_of_the_logit_once(project: Path, model: str) -> None:
    dictionaries: dict = {}
    columns = parse(raw(300, 2).to_batches()[0], SCHEMA, dictionaries)
    batch = Encoders.load(paths.features("toy", "ctr")).for_dictionaries(dictionaries).encode(columns)
    scorer = load_model(paths.model("toy", "ctr", model))
    if model == "din":
        logits = scorer.model(batch).detach().numpy()
    else:
        logits = scorer.model.booster.predict(np.hstack([batch.categorical, batch.numeric]), raw_score=True)
    np.testing.assert_allclose(scorer.probabilities(batch), 1 / (1 + np.exp(-logits)), atol=1e-6)


def test_without_a_sample_the_order_is_that_of_the_rows(project: Path) -> None:
    change(project, "source", sample_submission=None)
    predict("toy")
    assert list(submission()["ID"]) == [f"T{i:05d}" for i in range(300)]


@pytest.mark.parametrize(("block", "workers"), [(7, 1), (1000, 1), (64, 2)])
def test_blocks_and_workers_change_nothing(project: Path, block: int, workers: int) -> None:
    predict("toy")
    want = submission()
    change(project, "predict", block_rows=block)
    change(project, "", jobs={"workers": workers})
    predict("toy")
    got = submission()
    assert list(got["ID"]) == list(want["ID"])
    np.testing.assert_allclose(got["clicked"], want["clicked"], atol=1e-6)


def test_a_worker_s_error_is_the_same_one_line(project: Path) -> None:
    pa.parquet.write_table(edited("seq", 150, "4,x,5"), "data/ctr/test.parquet")
    change(project, "", jobs={"workers": 2})
    with pytest.raises(InputError, match=r"parquet: column 'seq', row 150 \(the first is 0\): 'x'"):
        predict("toy")
    assert not OUT.exists()


def test_twice_gives_the_same_bytes(project: Path) -> None:
    predict("toy")
    first = {p.name: p.read_bytes() for p in OUT.iterdir()}
    predict("toy")
    assert {p.name: p.read_bytes() for p in OUT.iterdir()} == first


def test_the_prior_shift_is_that_of_valid(project: Path) -> None:
    predict("toy")
    before = submission()["clicked"].to_numpy()
    change(project, "predict", prior_shift=True)
    predict("toy")
    after = submission()["clicked"].to_numpy()
    logit = np.log(after / (1 - after)) - np.log(before / (1 - before))
    np.testing.assert_allclose(logit, np.log(3), atol=1e-3)  # valid: one click in four rows
    assert read_json(OUT / "prediction.json")["prior"] == 0.25


def test_best_is_the_best_on_valid_and_an_id_is_itself(project: Path) -> None:
    assert chosen("ctr", "toy", "best", "auc", "higher") == "din"
    change(project, "predict", model="lr")
    predict("toy")
    assert read_json(OUT / "prediction.json")["model"] == "lr"
    np.testing.assert_allclose(submission()["clicked"], expected("lr")[submission()["ID"]], atol=1e-6)


def test_rows_without_an_id_are_numbered(project: Path) -> None:
    path = paths.features("toy", "ctr") / "encoders.json"
    path.write_text(path.read_text().replace(r'\"id\": \"ID\"', r'\"id\": null'))
    assert Encoders.load(path.parent).schema.id is None
    with pytest.raises(InputError, match=r"ctr\.schema\.id: null; the sample submission can't be joined"):
        predict("toy")
    change(project, "source", sample_submission=None)
    predict("toy")
    got = pd.read_csv(OUT / "submission.csv")
    assert list(got.columns) == ["row", "clicked"]
    assert list(got["row"]) == list(range(300))


def test_no_label_is_needed_and_other_columns_are_ignored(project: Path) -> None:
    table = raw(300, 2)
    shuffled = table.select(table.column_names[::-1]).append_column("other", pa.array(["x"] * 300))
    predict("toy")
    want = submission()
    pa.parquet.write_table(shuffled, "data/ctr/test.parquet")
    predict("toy")
    np.testing.assert_allclose(submission()["clicked"], want["clicked"], atol=1e-6)


def edited(column: str, row: int, value: object) -> pa.Table:
    frame = raw(300, 2).to_pandas().astype({column: object})
    frame.loc[row, column] = value
    return pa.Table.from_pandas(frame, preserve_index=False)


@pytest.mark.parametrize(("table", "message"), [
    (raw(300, 2).drop_columns(["price"]), r"test\.parquet: no column 'price'"),
    (raw(300, 2).drop_columns(["ID"]), r"test\.parquet: no column 'ID'"),
    (edited("seq", 150, "4,x,5"),
     r"test\.parquet: column 'seq', row 150 \(the first is 0\): 'x' is not a whole number"),
    (raw(300, 2).set_column(3, "price", pa.array(["high"] * 300)), r"parquet: column 'price': wrong type"),
    (edited("ID", 7, "T00008"), r"test\.parquet: 'ID' T00008 is there twice"),
    (edited("ID", 7, None), r"test\.parquet: column 'ID', row 7 \(the first is 0\): missing"),
    (edited("ID", 7, "T99999"), r"sample_submission\.csv: 'ID' T00007 is not in data/ctr/test\.parquet"),
    (raw(299, 2), r"sample_submission\.csv: 'ID' T00299 is not in data/ctr/test\.parquet"),
])
def test_a_bad_table_is_one_line_and_leaves_nothing(project: Path, table: pa.Table, message: str) -> None:
    pa.parquet.write_table(table, "data/ctr/test.parquet")
    with pytest.raises(InputError, match=message) as error:
        predict("toy")
    assert "\n" not in str(error.value)
    assert not OUT.exists()


def test_a_corrupt_or_missing_file_is_one_line(project: Path) -> None:
    path = Path("data/ctr/test.parquet")
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match=r"test\.parquet: not a whole parquet file"):
        predict("toy")
    path.unlink()
    with pytest.raises(InputError, match=r"test\.parquet: not found"):
        predict("toy")
    change(project, "source", test=None)
    with pytest.raises(InputError, match=r"ctr\.source\.test: null"):
        predict("toy")
    assert not OUT.exists()


@pytest.mark.parametrize(("model", "file"), [("din", "model.safetensors"), ("lightgbm", "model.txt")])
def test_a_damaged_model_scores_nothing(project: Path, model: str, file: str) -> None:
    # LightGBM aborts the process over a text that is no model, and a flipped weight is a wrong score without a word.
    change(project, "predict", model=model)
    path = paths.model("toy", "ctr", model) / file
    whole = path.read_bytes()
    for damaged in (whole[:len(whole) // 3], whole[:-1], whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:]):
        path.write_bytes(damaged)
        with pytest.raises(InputError, match=rf"{file}: damaged, its sha256 is not the one in config\.json"):
            predict("toy")
    path.unlink()
    with pytest.raises(InputError, match=rf"{file}: not found"):
        predict("toy")
    assert not OUT.exists()


def test_an_old_submission_stays_when_a_new_one_fails(project: Path) -> None:
    predict("toy")
    before = (OUT / "submission.csv").read_bytes()
    write_sample(project, ["T00000"])
    with pytest.raises(InputError, match="'ID' T00001 is missing"):
        predict("toy")
    assert (OUT / "submission.csv").read_bytes() == before
    assert sorted(p.name for p in OUT.parent.iterdir() if p.name.startswith(".")) == []


@pytest.mark.parametrize(("block", "values", "message"), [
    ("predict", {"modle": "lr"}, r"ctr\.predict\.modle: unknown parameter; did you mean 'model'"),
    ("predict", {"model": "dni"}, r"no model 'dni' was judged at size toy; did you mean 'din'"),
    ("predict", {"batch_rows": 0}, r"ctr\.predict\.batch_rows: 0 is out of range"),
    ("", {"threads": 0}, r"threads: 0 is out of range"),
    ("", {"device": "tpu"}, r"device: 'tpu' is not a choice"),
])
def test_a_bad_parameter_is_one_line(project: Path, block: str, values: dict, message: str) -> None:
    change(project, block, **values)
    with pytest.raises(InputError, match=message):
        predict("toy")


def test_a_model_that_gives_no_number_is_refused(project: Path) -> None:
    from rankpipe.io.tensors import load_tensors, save_tensors

    path = paths.model("toy", "ctr", "din") / "model.safetensors"
    save_tensors(path, {name: value * np.nan for name, value in load_tensors(path).items()})
    config = read_json(path.with_name("config.json"))
    write_json(path.with_name("config.json"), {**config, "files": {path.name: sha256(path)}})
    with pytest.raises(InputError, match="the model gave nan, which is no probability"):
        predict("toy")
    assert not OUT.exists()
