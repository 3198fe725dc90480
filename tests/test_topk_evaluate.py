"""The evaluate stage of topk on invented lists: what it writes, what it chooses by, what it refuses."""

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import topk_judged
from scipy.stats import kendalltau, spearmanr
from topk_data import checkerboard, random_dataset

from rankpipe import leaderboard, paths
from rankpipe.errors import InputError
from rankpipe.metrics import agreement, topk
from rankpipe.topk.evaluate import evaluate, ranges
from rankpipe.topk.interactions import Interactions
from rankpipe.topk.judging import Lists
from rankpipe.topk.slices import Slices, groups, popularity_groups, slices
from rankpipe.topk.table import write_split

TOPK = "topk"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        topk_judged.scene(folder)
    return folder


@pytest.fixture
def scene(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def first(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scene that was evaluated, for tests that only read."""
    folder = shutil.copytree(prepared, tmp_path_factory.mktemp("judged") / "first")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        evaluate("toy")
    return folder


@pytest.fixture
def judged(first: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(first)
    return first


def params(folder: Path, old: str, new: str) -> None:
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new))


def board() -> leaderboard.Board:
    return leaderboard.load(paths.leaderboard("toy", TOPK) / leaderboard.FILE)


def records(name: str) -> list[dict[str, str]]:
    with (paths.leaderboard("toy", TOPK) / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def files(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for top in ("metrics", "plots", "build/toy/topk/leaderboard")
            for p in sorted((folder / top).rglob("*")) if p.is_file()}


def test_figures_are_those_of_the_lists(judged: Path) -> None:
    of = random_dataset(300, 80)
    users, lists = topk_judged.read("mf", "test")
    hidden = {u: set(of.test.items[of.test.users == u].tolist()) for u in users.tolist()}
    recall = [len(set(row[:10].tolist()) & hidden[u]) / min(10, len(hidden[u]))
              for u, row in zip(users.tolist(), lists, strict=True)]
    written = json.loads(Path("metrics/toy/topk/mf.json").read_text())
    assert written["recall_at_10"] == pytest.approx(np.mean(recall), abs=1e-6)
    assert written["recall_at_10_low"] < written["recall_at_10"] < written["recall_at_10_high"]
    assert written["coverage"] == pytest.approx(len(set(lists[:, :10].flatten().tolist())) / 80, abs=1e-6)
    assert written["users"] == len(users) and written["valid_recall_at_10"] != written["recall_at_10"]
    assert len(written) < 15, "dvc metrics show prints a column for each key"
    assert sorted(p.stem for p in Path("metrics/toy/topk").iterdir()) == sorted(topk_judged.NOISE)
    lines = Path("plots/toy/topk/recall_at_k/mf.csv").read_text().splitlines()
    assert float(dict(line.split(",") for line in lines)["10"]) == pytest.approx(written["recall_at_10"], abs=1e-6)


def test_leaderboard_ranks_compares_and_reports_agreement(judged: Path) -> None:
    of = board()
    assert [r.model for r in of.rows][:2] == ["mf", "ease"]
    assert (of.baseline, of.row("ease").gap, of.row("pop").role, of.row("mf").role) == ("ease", None, "baseline",
                                                                                       "model")
    assert of.row("mf").gap.verdict == "better" and of.row("pop").gap.verdict == "worse"
    for row in of.rows:
        for figure in row.figures.values():
            assert figure.low <= figure.value <= figure.high
    text = leaderboard.render(of)
    assert all(len(line) <= 100 for line in text.splitlines()[1:]) and "▲" in text
    assert "valid against test, 4 models: Spearman 1.000 [" in text
    assert all(Path(plot).is_file() for plot in of.plots) and len(of.plots) == 6
    agreed = {r["model"]: r for r in records("agreement")}
    assert float(agreed["mf"]["valid"]) == of.row("mf").valid["recall_at_10"]
    assert float(agreed["mf"]["test"]) == of.row("mf").figures["recall_at_10"].value
    measures = {r["measure"]: float(r["value"]) for r in records("rank_correlation")}
    by = [[float(r[side]) for r in agreed.values()] for side in ("valid", "test")]
    assert measures == {"spearman": pytest.approx(spearmanr(*by)[0]), "kendall": pytest.approx(kendalltau(*by)[0])}
    assert len(records("paired")) == 13 * 6


def test_rank_correlations_are_scipys() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 6, (20, 9)).astype(float), rng.normal(size=(20, 9))  # a with ties
    assert agreement.spearman(a, b) == pytest.approx([spearmanr(x, y)[0] for x, y in zip(a, b, strict=True)])
    assert agreement.kendall(a, b) == pytest.approx([kendalltau(x, y)[0] for x, y in zip(a, b, strict=True)])
    assert agreement.spearman(a, -a) == pytest.approx(-1)
    assert np.isnan(agreement.kendall(np.ones((1, 3)), np.arange(3)[None]))


def test_the_baseline_is_chosen_on_valid(scene: Path) -> None:
    """pop wins on test and loses on valid: test must choose nothing."""
    users, lists = topk_judged.read("mf", "test")
    topk_judged.write("pop", "test", users, lists)
    evaluate("toy")
    assert board().baseline == "ease"


def test_another_order_and_a_lone_model(scene: Path) -> None:
    params(scene, "cutoffs: [5, 20]", "order: ndcg_at_5\n    cutoffs: [5, 20]")
    params(scene, "{mf: {}, pop: {}, fm: {}, ease: {}}", "{pop: {}}")
    evaluate("toy")
    of = board()
    assert (of.order, of.columns[0].title, [r.model for r in of.rows]) == ("ndcg_at_5", "nDCG@5", ["pop"])
    assert of.notes[-1] == "valid against test, 1 models: Spearman undefined, Kendall undefined"
    assert {r["value"] for r in records("rank_correlation")} == {""}
    assert "ndcg_at_5_low" in json.loads(Path("metrics/toy/topk/pop.json").read_text())


def test_two_runs_give_the_same_bytes_in_any_order_of_models(first: Path, scene: Path) -> None:
    params(scene, "mf: {}, pop: {}, fm: {}, ease: {}", "ease: {}, fm: {}, mf: {}, pop: {}")
    evaluate("toy")
    one, other = ({k.removeprefix(str(folder)): v for k, v in files(folder).items()} for folder in (first, scene))
    assert one.keys() == other.keys() and len(one) > 20
    assert {k for k in one if one[k] != other[k]} == set()


def test_coverage_and_gini_of_weighted_users() -> None:
    """Drawing a user twice is having him twice."""
    lists = np.array([[0, 1], [1, 2], [4, 0]])
    of = np.array([0, 1, 2, 3]), np.array([0, 2, 3])
    weighted = Lists(np.pad(lists, ((0, 0), (0, 8)), constant_values=-1), *of, np.ones(5), ())
    rows = [0, 1, 1]
    twice = Lists(weighted.shown[rows], np.arange(4), of[1][rows], np.ones(5), ())
    assert weighted(np.array([[1, 2, 0]]))[0] == pytest.approx(list(twice.estimate().values()))
    assert weighted.estimate()["coverage"] == 4 / 5


def test_slices_by_hand() -> None:
    codes, names = groups(np.array([5, 1, 2, 2, 9]), np.ones(5), 2)
    assert (codes.tolist(), names) == ([1, 0, 0, 0, 1], ["1–2", "5–9"])
    assert groups(np.array([3, 3, 3]), np.ones(3), 4)[1] == ["3"]
    # Half of all rows are those of one item.
    codes, names = popularity_groups(np.array([10, 0, 4, 1, 5]), 2)
    assert (codes.tolist(), names) == ([0, 2, 1, 1, 1], ["10 rows", "1–5 rows", "not in train"])
    board = checkerboard(8, 1)
    cut = dataclasses.replace(board, test_sequential=np.arange(len(board.test)) < 3)
    found = {(s.column, s.value): s.rows for s in slices(Slices(fields=("parity",)), cut, {"parity": ["even", "odd"]})}
    assert found["part", "sequential"].sum() == 3 and found["part", "static"].sum() == 5
    assert np.array_equal(found["parity", "odd"], board.test.items % 2 == 1)
    assert found["user's rows", "2"].all() and found["item's rows", "2"].all()


def test_slices_hold_every_row_once_and_agree_with_the_whole(judged: Path) -> None:
    of = [r for r in records("slices") if r["model"] == "mf"]
    whole = board().row("mf").figures["recall_at_10"].value
    for column in ("user's rows", "item's rows", "age"):
        assert sum(int(r["hidden"]) for r in of if r["column"] == column) == len(random_dataset(300, 80).test)
    mine = [r for r in of if r["column"] == "user's rows"]
    users = [int(r["users"]) for r in mine]
    assert np.average([float(r["recall_at_10"]) for r in mine], weights=users) == pytest.approx(whole, abs=1e-5)
    assert all(float(r["low"]) <= float(r["recall_at_10"]) <= float(r["high"]) for r in mine)


def test_a_hidden_row_in_training_is_caught(scene: Path) -> None:
    """The planted leak: a test row among those of train."""
    of = random_dataset(300, 80)
    users, items = (np.append(getattr(of.train, side), getattr(of.test, side)[7]) for side in ("users", "items"))
    write_split(paths.split("toy", TOPK, "train"), Interactions.of(users, items, 300, 80), None)
    with pytest.raises(InputError, match=r"1 rows stand in train and test, .* test would leak"):
        evaluate("toy")


def test_leftovers_are_named_and_not_judged(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    params(scene, "fm: {}, ", "")
    params(scene, "min_users: 10", "min_users: 10000")
    evaluate("toy")
    assert {r["recall_at_10"] for r in records("slices")} == {""}  # too few users in each
    assert "scores/fm is left over from a model" in capsys.readouterr().err
    assert "fm" not in [r.model for r in board().rows]


def spoil_missing(scene: Path) -> None:
    (paths.model_scores("toy", TOPK, "fm") / "test.parquet").unlink()


def spoil_truncated(scene: Path) -> None:
    path = paths.model_scores("toy", TOPK, "fm") / "test.parquet"
    path.write_bytes(path.read_bytes()[:500])


def spoil_users(scene: Path) -> None:
    users, lists = topk_judged.read("fm", "test")
    topk_judged.write("fm", "test", users[1:], lists[1:])


def spoil_item(scene: Path) -> None:
    users, lists = topk_judged.read("fm", "test")
    lists[4, 2] = 80
    topk_judged.write("fm", "test", users, lists)


def spoil_double(scene: Path) -> None:
    users, lists = topk_judged.read("fm", "test")
    lists[4, 2] = lists[4, 0]
    topk_judged.write("fm", "test", users, lists)


def spoil_empty(scene: Path) -> None:
    users, lists = topk_judged.read("fm", "test")
    lists[4] = -1
    topk_judged.write("fm", "test", users, lists)


def spoil_short(scene: Path) -> None:
    users, lists = topk_judged.read("fm", "test")
    topk_judged.write("fm", "test", users, lists[:, :12])


def spoil_seen(scene: Path) -> None:
    """What a model recommends that masks train but not valid when it is judged on test."""
    users, lists = topk_judged.read("fm", "test")
    seen = random_dataset(300, 80).seen("test")[users[4]].indices
    lists[4, 0] = seen[0]
    topk_judged.write("fm", "test", users, lists)


def spoil_curve(scene: Path) -> None:
    (paths.model_scores("toy", TOPK, "fm") / "curve.csv").write_text("epoch,valid_recall_at_10\n1,much\n")


@pytest.mark.parametrize(("spoil", "message"), [
    (spoil_missing, r"scores/fm/test.parquet: not found.*dvc repro train-topk@toy-fm"),
    (spoil_truncated, r"scores/fm/test.parquet: not a whole parquet file"),
    (spoil_users, r"scores/fm/test.parquet: its \d+ users are not the \d+ who have hidden rows in test"),
    (spoil_item, r"scores/fm/test.parquet: item 80 is none of the 80 items"),
    (spoil_double, r"scores/fm/test.parquet: an item stands there twice, in the list of user \d+"),
    (spoil_empty, r"scores/fm/test.parquet: there are not topk.lists = 25 items, in the list of user \d+"),
    (spoil_short, r"scores/fm/test.parquet: there are not topk.lists = 25 items, in the list of user \d+"),
    (lambda s: params(s, "lists: 25", "lists: 15"), r"topk.lists: 15 items, and topk.evaluate.cutoffs asks for 20"),
    (spoil_seen, r"scores/fm/test.parquet: an item was seen in training, in the list of user \d+"),
    (spoil_curve, r"scores/fm/curve.csv: not a table of numbers"),
    (lambda s: params(s, "fm: {}", "fmm: {}"), r"topk.models: no model 'fmm'; did you mean"),
    (lambda s: params(s, "[age, genre]", "[agee]"), r"slices.fields: no field 'agee'; did you mean 'age'"),
    (lambda s: params(s, "resamples: 100", "resample: 100"), r"resample: unknown parameter; did you mean 'resamples'"),
    (lambda s: params(s, "[5, 20]", "[5, 5]"), r"cutoffs must differ"),
    (lambda s: params(s, "resamples: 100", "order: recall_at_7"), r"order: no metric 'recall_at_7'; did you mean"),
])
def test_refuses_in_one_line_and_leaves_nothing(scene: Path, spoil, message: str) -> None:
    spoil(scene)
    with pytest.raises(InputError, match=message) as caught:
        evaluate("toy")
    assert "\n" not in str(caught.value)
    assert not Path("metrics").exists() and not Path("plots").exists() and not paths.leaderboard("toy", TOPK).exists()


def test_ranges_of_buckets() -> None:
    assert ranges([1990.0, 1995.5]) == ["< 1990", "1990 to < 1995.5", "≥ 1995.5"]
    assert ranges([]) == ["any"] and topk.NONE == -1
