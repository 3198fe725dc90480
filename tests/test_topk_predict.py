"""The predict stage of topk: exactly so many distinct unseen items for everybody, from a model refitted on all rows."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import topk_shipped
from scipy.sparse import csr_matrix

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.topk import predict as stage
from rankpipe.topk import submission
from rankpipe.topk.dataset import read
from rankpipe.topk.fitting import Recipe, fit_on
from rankpipe.topk.inputs import Inputs
from rankpipe.topk.predict import predict
from rankpipe.topk.recommend import recommend
from rankpipe.topk.scoring import load_model, scorer
from rankpipe.training.checkpoint import SECONDS, Checkpoints

FOLDER = paths.predictions("toy", "topk")


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shipped")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        topk_shipped.shipped(folder)
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


def rows() -> list[tuple[str, str]]:
    with (FOLDER / "submission.csv").open(newline="", encoding="utf-8") as file:
        lines = list(csv.reader(file))
    assert lines[0] == ["user", "item"]
    return [(user, item) for user, item in lines[1:]]


def summary() -> dict:
    return json.loads((FOLDER / "prediction.json").read_text())


@pytest.mark.parametrize("model", ["ease", "mf", "deepfm"])
def test_everybody_gets_ten_distinct_unseen_items(project: Path, model: str) -> None:
    params(project, "predict: {model: ease}", f"predict: {{model: {model}}}")
    predict("toy")
    of, found = topk_shipped.dataset(), rows()
    assert [user for user, _ in found[::10]] == sorted(of.user_names, key=int)
    taken = {(of.user_names[u], of.item_names[i]) for part in (of.train, of.valid, of.test)
             for u, i in zip(part.users, part.items, strict=True)}
    for start in range(0, len(found), 10):
        block = found[start:start + 10]
        assert len({user for user, _ in block}) == 1 and len({item for _, item in block}) == 10
        assert not taken & set(block)
    assert len(found) == 400
    about = summary()
    assert (about["model"], about["refit"], about["users"], about["items"]) == (model, True, 40, 10)
    assert not Path(".scratch").exists() or not any(Path(".scratch").iterdir())


def test_the_refit_is_on_the_rows_of_all_splits(project: Path) -> None:
    predict("toy")
    data = read("toy")
    values = stage.params.load()
    inputs = Inputs(data.n_users, data.n_items, data.user_fields, data.item_fields)
    lists = {}
    for name, taken in (("train", data.train.matrix()), ("all", data.known)):
        recipe = Recipe.read(values, "ease")
        fitted = fit_on(recipe, inputs, taken)
        found = scorer("ease", recipe.params, inputs, fitted.state, data.known)
        lists[name] = recommend(found, np.arange(40), data.known, 10)[0]
    assert not np.array_equal(lists["train"], lists["all"])
    written = np.array([data.item_names.index(item) for _, item in rows()]).reshape(40, 10)
    assert np.array_equal(written, lists["all"])
    params(project, "predict: {model: ease}", "predict: {model: ease, refit: false}")
    predict("toy")
    trained = load_model(paths.model("toy", "topk", "ease"), data.known)
    written = np.array([data.item_names.index(item) for _, item in rows()]).reshape(40, 10)
    assert np.array_equal(written, recommend(trained, np.arange(40), data.known, 10)[0])
    assert "epochs" not in summary()


def test_epochs_are_those_that_were_best_on_valid(project: Path) -> None:
    params(project, "predict: {model: ease}", "predict: {model: mf, items: 3}")
    config = json.loads((paths.model("toy", "topk", "mf") / "config.json").read_text())
    predict("toy")
    assert summary()["epochs"] == config["epochs"] and len(rows()) == 3 * 40


def test_best_is_the_best_on_valid(project: Path) -> None:
    params(project, "predict: {model: ease}", "predict: {}")
    predict("toy")
    judged = paths.metrics("toy", "topk").glob("*.json")
    valid = {path.stem: json.loads(path.read_text())["valid_recall_at_10"] for path in judged}
    assert valid[summary()["model"]] == max(valid.values())


def test_killed_and_resumed_it_ends_in_the_same_bytes(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    params(project, "predict: {model: ease}", "predict: {model: mf}")
    predict("toy")
    whole = {p.name: p.read_bytes() for p in FOLDER.iterdir()}
    shutil.rmtree(FOLDER)
    monkeypatch.setenv(SECONDS, "0")
    save, saved = Checkpoints.save, []

    def killed(self: Checkpoints, *what: object) -> None:
        save(self, *what)
        saved.append(what)
        if len(saved) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoints, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        predict("toy")
    assert not FOLDER.exists() and list(Path(".scratch").rglob("*.safetensors"))
    predict("toy")
    assert {p.name: p.read_bytes() for p in FOLDER.iterdir()} == whole
    resumed = len(saved) - 3
    predict("toy")  # once more, from the start
    assert len(saved) - 3 - resumed == resumed + 3


def test_a_seen_item_in_the_lists_is_never_written(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The mask is broken: the file is refused by the reader that shares no code with the writer."""
    real = stage.recommend

    def unmasked(scorer: object, users: np.ndarray, seen: csr_matrix, k: int, **how: int) -> tuple:
        return real(scorer, users, csr_matrix(seen.shape), k, **how)

    monkeypatch.setattr(stage, "recommend", unmasked)
    with pytest.raises(InputError, match=r"submission.csv: user \d+ has item i,\d+, which the user took before"):
        predict("toy")
    assert not FOLDER.exists()


@pytest.mark.parametrize(("old", "new", "message"), [
    ("{model: ease}", "{items: 30}", r"predict.items: user \d+ took all but \d+ of the 40 items, and 30 are asked"),
    ("{model: ease}", "{model: eas}", r"no model 'eas' was judged at size toy; did you mean 'ease'"),
    ("{model: ease}", "{itms: 3}", r"topk.predict.itms: unknown parameter; did you mean 'items'"),
    ("{model: ease}", "{items: 0}", r"topk.predict.items: 0 is out of range"),
])
def test_refuses_in_one_line_and_leaves_nothing(project: Path, old: str, new: str, message: str) -> None:
    params(project, f"predict: {old}", f"predict: {new}")
    with pytest.raises(InputError, match=message) as caught:
        predict("toy")
    assert "\n" not in str(caught.value) and not FOLDER.exists()


GOOD = "user,item\n9,a\n9,b\n10,c\n10,a\n"
SEEN = csr_matrix(np.array([[0, 0, 1], [0, 1, 0]]))


@pytest.mark.parametrize(("text", "message"), [
    (GOOD, None),
    (GOOD.replace("user,item", "item,user"), "the first line is not user,item"),
    ("", "the first line is not user,item"),
    (GOOD.replace("9,b", "9,c"), "user 9 has item c, which the user took before"),
    (GOOD.replace("9,b", "9,a"), "user 9 has an item twice"),
    (GOOD.replace("9,b", "9,d"), "user 9 has item d, which the data don't hold"),
    (GOOD.replace("9,b\n", ""), "user 9 has 1 items, not 2"),
    (GOOD.replace("9,b", "9,b\n9,c"), "user 9 has 3 items, not 2"),
    (GOOD.replace("9,b", "9,b,1"), "line 3 has 3 cells, not 2"),
    ("user,item\n10,c\n10,a\n9,a\n9,b\n", "user 10 stands where 9 should"),
    (GOOD.replace("10,c\n10,a\n", ""), "user 10 is missing; 1 of 2 are there"),
    (GOOD + "11,a\n11,b\n", "user 11 stands where nobody should"),
    (GOOD + "9,a\n9,b\n", "user 9 stands where nobody should"),
    ("user,item\n9,a\n10,c\n10,a\n9,b\n", "user 9 has 1 items, not 2"),
])
def test_every_breach_is_found(tmp_path: Path, text: str, message: str | None) -> None:
    path = tmp_path / "submission.csv"
    path.write_text(text)
    if message is None:
        submission.check(path, SEEN, ["9", "10"], ["a", "b", "c"], 2)
        return
    with pytest.raises(InputError, match=message):
        submission.check(path, SEEN, ["9", "10"], ["a", "b", "c"], 2)


def test_what_is_written_is_what_is_read(tmp_path: Path) -> None:
    """Names that CSV has to quote."""
    path, names = tmp_path / "submission.csv", ['he said "no"', "a,b", "two\nlines"]
    submission.write(path, np.array([[0, 1], [2, 0]]), ["9", "10"], names)
    submission.check(path, SEEN, ["9", "10"], names, 2)
    with pytest.raises(InputError, match="took before"):
        submission.check(path, csr_matrix(np.ones((2, 3))), ["9", "10"], names, 2)
