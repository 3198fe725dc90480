"""The push stage of topk and what a user loads: pairs, lists for known users, lists for new ones from their items."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import topk_shipped

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.hub import Predictor
from rankpipe.hub.__main__ import main
from rankpipe.topk.push import files, push
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import load_model
from rankpipe.topk.source import FieldColumn, InteractionsFile, Source

BUNDLE, RECEIPT = paths.bundle("toy", "topk"), paths.receipt("toy", "topk")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles of ease and of deepfm, which knows its own users only."""
    folder = tmp_path_factory.mktemp("shipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        topk_shipped.shipped(folder)
        params(folder, "push: {model: ease", "push: {model: deepfm, folder: deepfm")
        push("toy")
        params(folder, "push: {model: deepfm, folder: deepfm", "push: {model: ease")
        push("toy")
    return folder


@pytest.fixture
def project(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def params(folder: Path, old: str, new: str) -> None:
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new))


@pytest.fixture
def loaded(project: Path) -> Predictor:
    return Predictor.from_pretrained(BUNDLE)


def test_the_bundle_answers_its_own_request(project: Path) -> None:
    assert sorted(p.name for p in BUNDLE.iterdir()) == [
        "README.md", "config.json", "history.h5", "model.safetensors", "rankpipe.json", "sample_request.json",
        "schema.json"]
    for folder, column in ((BUNDLE, "items"), (Path("deepfm"), "user")):
        predictor = Predictor.from_pretrained(folder)
        frame, expected = predictor.sample()
        got = predictor.predict(frame)
        assert list(frame.columns) == [column] and len(got) == 10
        for name in got.columns.drop("score"):
            assert got[name].astype(str).tolist() == expected[name].astype(str).tolist()
        assert got["score"].to_numpy() == pytest.approx(expected["score"].to_numpy(), abs=1e-6)
    card = (BUNDLE / "README.md").read_text()
    assert "| **ease** | 0." in card and "it is nobody's" in card and "valid against test, 4 models" in card
    assert "history.h5" in card and "can't fold new ones in" in Path("deepfm/README.md").read_text()
    assert json.loads(RECEIPT.read_text())["target"] == "folder"


def test_two_pushes_give_the_same_bytes(project: Path) -> None:
    first = {p.name: p.read_bytes() for p in BUNDLE.iterdir()}
    push("toy")
    assert {p.name: p.read_bytes() for p in BUNDLE.iterdir()} == first


def test_known_users_get_unseen_items(loaded: Predictor) -> None:
    of = topk_shipped.dataset()
    wanted = [of.user_names[i] for i in (7, 3, 7)]
    items, scores = recommend(load_model(BUNDLE, of.known), np.array([7, 3, 7]), of.known, 10)
    for users in (wanted, [int(name) for name in wanted], [float(name) for name in wanted]):
        got = loaded.predict(pd.DataFrame({"x": 1, "user": users}))
        assert got["item"].tolist() == [of.item_names[i] for i in items.flatten()]
        assert np.array_equal(got["score"], scores.flatten()) and got["user"].tolist() == list(np.repeat(users, 10))
        assert got["place"].tolist() == list(range(1, 11)) * 3
    assert loaded.scorer.recommend(wanted, k=3).groupby("place").size().tolist() == [3, 3, 3]
    # With more places than items are left, every unseen item once and nothing else.
    left = loaded.scorer.recommend([wanted[0]], k=40)
    assert len(left) == 40 - np.diff(of.known.indptr)[7] and left["item"].is_unique


def test_pairs_get_the_models_scores(loaded: Predictor) -> None:
    of, rng = topk_shipped.dataset(), np.random.default_rng(0)
    users, items = rng.integers(0, 40, 300), rng.integers(0, 40, 300)
    frame = pd.DataFrame({"item": np.array(of.item_names)[items], "user": np.array(of.user_names)[users]})
    table = load_model(BUNDLE, of.known).block(np.arange(40))
    assert np.array_equal(loaded.predict(frame), table[users, items])
    assert loaded.predict(frame[:0]).shape == (0,)


def test_a_new_user_with_a_known_history_gets_that_users_list(loaded: Predictor) -> None:
    """ease knows users by nothing but their items."""
    of = topk_shipped.dataset()
    histories = {f"new {u}": [of.item_names[i] for i in of.known[u].indices] for u in range(40)}
    got = loaded.scorer.recommend(histories=histories)
    own = loaded.scorer.recommend(of.user_names)
    assert got["item"].tolist() == own["item"].tolist() and got["user"].unique().tolist() == list(histories)
    assert got["score"].to_numpy() == pytest.approx(own["score"].to_numpy(), abs=1e-6)
    cells = ["|".join(items) for items in histories.values()]
    text = loaded.predict(pd.DataFrame({"items": cells}))
    assert text["item"].tolist() == got["item"].tolist() and text["row"].unique().tolist() == list(range(40))
    doubled = loaded.scorer.recommend(histories=[[*histories["new 0"], *histories["new 0"]], []])
    assert doubled["item"].tolist()[:10] == got["item"].tolist()[:10] and len(doubled) == 20


def test_the_command_line_takes_users(project: Path) -> None:
    name = topk_shipped.dataset().user_names[5]
    Path("who.csv").write_text(f"user\n{name}\n")
    main("predict", str(BUNDLE), "who.csv", "lists.csv")
    assert len(pd.read_csv("lists.csv")) == 10


@pytest.mark.parametrize(("frame", "message"), [
    ({"usr": ["1"]}, r"no column 'user', and no 'items' of a new one; did you mean|known"),
    ({"user": ["nobody"]}, r"column 'user', row 0 .*: 'nobody' is no user of the data .* go into the column 'items'"),
    ({"user": [None]}, r"column 'user', row 0 .* is no user"),
    ({"items": [["i,1", "x"]]}, r"column 'item', row \d .* is no item of the data"),
    ({"items": [5]}, r"column 'items', row 0 \(the first is 0\): expected a list of items, got 5"),
])
def test_what_the_model_does_not_know_is_one_line(loaded: Predictor, frame: dict, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        loaded.predict(pd.DataFrame(frame))
    assert "\n" not in str(caught.value)


def test_what_cannot_be_recommended_is_one_line(project: Path, loaded: Predictor) -> None:
    item = topk_shipped.dataset().item_names[0]
    with pytest.raises(InputError, match="deepfm can't score users whom it wasn't trained on"):
        Predictor.from_pretrained("deepfm").scorer.recommend(histories=[[item]])
    for wrong in ({}, {"users": [], "histories": []}, {"users": [], "k": 0}):
        with pytest.raises(InputError, match="either users or histories"):
            loaded.scorer.recommend(**wrong)
    with pytest.raises(InputError, match="the frame has 2 columns 'user'"):
        loaded.predict(pd.DataFrame([["1", "2"]], columns=["user", "user"]))
    (BUNDLE / "history.h5").write_bytes(b"x")
    with pytest.raises(InputError, match=r"history\.h5"):
        Predictor.from_pretrained(BUNDLE)


@pytest.mark.parametrize(("push_block", "message"), [
    ("{model: pop, gate: {metric: recall_at_10, baseline: pop}}", "pop at size toy is the baseline itself"),
    ("{model: deepfm, gate: {metric: recall_at_10, baseline: pop}}", "deepfm at size toy does not beat pop"),
    ("{model: ease, gate: {metric: recall, baseline: pop}}", "push.gate.metric: no 'recall' on the leaderboard"),
    ("{model: eas}", "no model 'eas' was judged at size toy"),
])
def test_the_gate_refuses_and_no_receipt_is_left(project: Path, push_block: str, message: str) -> None:
    params(project, "{model: ease, gate: null}", push_block)
    with pytest.raises(InputError, match=message):
        push("toy")
    assert not RECEIPT.exists()


def test_the_gate_lets_a_better_model_through(project: Path) -> None:
    params(project, "{model: ease, gate: null}", "{model: pop, gate: {metric: recall_at_10, baseline: ease}}")
    push("toy")
    assert json.loads(RECEIPT.read_text())["gate"]["low"] > 0
    assert len(Predictor.from_pretrained(BUNDLE).predict(pd.DataFrame({"items": [[], ["i,52"]]}))) == 20


def test_every_raw_file_is_on_the_card() -> None:
    title = FieldColumn("titles.tsv", "item", "title", "title_year")
    year = FieldColumn("years.tsv", "item", "year", "number", otherwise=title)
    assert files(Source(InteractionsFile("rows.csv"), {"year": year})) == {"rows.csv", "years.tsv", "titles.tsv"}
