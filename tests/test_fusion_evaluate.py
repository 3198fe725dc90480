"""The evaluate stage of fusion on invented scores: what it writes, what it chooses by, what it refuses."""

import csv
import json
import math
import shutil
from pathlib import Path

import fusion_judged
import numpy as np
import pyarrow.parquet as pq
import pytest
from fusion_data import planted, ragged

from rankpipe import leaderboard, paths
from rankpipe.errors import InputError
from rankpipe.fusion.dataset import read
from rankpipe.fusion.evaluate import evaluate
from rankpipe.fusion.judging import NAMES, RANDOM, STARTING, Asked, apart, from_chance
from rankpipe.metrics.bootstrap import Resamples
from rankpipe.metrics.slates import of_grades

TRACK = "fusion"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        fusion_judged.scene(folder)
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
    return leaderboard.load(paths.leaderboard("toy", TRACK) / leaderboard.FILE)


def records(name: str) -> list[dict[str, str]]:
    with (paths.leaderboard("toy", TRACK) / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def scores_of(model: str) -> Path:
    return paths.model_scores("toy", TRACK, model) / "test.parquet"


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for top in ("metrics", "plots", "build/toy/fusion/leaderboard")
            for p in sorted((folder / top).rglob("*")) if p.is_file()}


def test_figures_are_those_of_the_scores(judged: Path) -> None:
    data, table = read("toy"), pq.read_table(scores_of("bm25")).to_pandas()
    codes = data.queries.of("test")
    assert sorted(set(table["query"])) == codes.tolist()
    ndcg, first = [], []
    for code, rows in table.groupby("query"):
        rows = rows.sort_values(["score", "candidate"], ascending=[False, True])
        gain, discount = 2.0 ** rows["grade"].to_numpy() - 1, 1 / np.log2(np.arange(2, len(rows) + 2))
        ndcg.append((gain * discount)[:10].sum() / (np.sort(gain)[::-1] * discount)[:10].sum())
        wanted, has = data.queries.constraints[code], data.candidates.codes[rows["candidate"].iloc[0]]
        first.append(all(w < 0 or w == h for w, h in zip(wanted, has, strict=True)))
    written = json.loads(Path("metrics/toy/fusion/bm25.json").read_text())
    assert written["ndcg_at_10"] == pytest.approx(np.mean(ndcg), abs=1e-6)
    assert written["compliance_at_1"] == pytest.approx(np.mean(first), abs=1e-6)
    assert written["ndcg_at_10_low"] < written["ndcg_at_10"] < written["ndcg_at_10_high"]
    assert written["queries"] == len(codes) and written["valid_ndcg_at_10"] != written["ndcg_at_10"]


def test_only_what_was_trained_to_rank_can_be_chosen(judged: Path) -> None:
    measured = sorted(p.stem for p in Path("metrics/toy/fusion").iterdir())
    assert measured == ["bm25", "fusion", "lambdamart", "popularity"]
    roles = {row.model: row.role for row in board().rows}
    assert roles["control"] == roles[RANDOM] == "constant" and roles[STARTING] == roles["bm25"] == "baseline"
    assert roles["fusion"] == "model"


def test_leaderboard_ranks_compares_and_tells_of_the_control(judged: Path) -> None:
    of = board()
    assert of.rows[0].model == "fusion" and of.rows[0].gap.verdict == "better"
    for row in of.rows:
        for figure in row.figures.values():
            assert figure.low <= figure.value <= figure.high
    pairs = {frozenset((r["model_a"], r["model_b"])) for r in records("paired")}
    assert frozenset(("fusion", STARTING)) in pairs and not any(RANDOM in pair for pair in pairs)
    [control] = records("control")
    assert float(control["low"]) < 0 < float(control["high"])
    assert f"control, trained on shuffled grades: {float(control['difference']):+.4f}" in leaderboard.render(of)
    assert all(Path(plot).is_file() for plot in of.plots) and len(of.plots) == 4


def test_a_control_that_learnt_something_shows(scene: Path) -> None:
    shutil.copy(scores_of("lambdamart"), scores_of("control"))
    evaluate("toy")
    [control] = records("control")
    assert float(control["low"]) > 0


def test_ablation_drops_are_paired_and_attention_sums_to_one(judged: Path) -> None:
    rows = records("ablation")
    assert [r["change"] for r in rows] == ["none"] + ["masked"] * 3 + ["shuffled"] * 3 + ["only"] * 3
    whole = float(rows[0]["value"])
    assert whole == board().row("fusion").figures["ndcg_at_10"].value
    for row in rows[1:]:
        assert float(row["drop"]) == pytest.approx(whole - float(row["value"]), abs=2e-6)
        assert float(row["drop_low"]) <= float(row["drop"]) <= float(row["drop_high"])
    # The scene loses a third of what it knows by one modality, two thirds by two.
    drop = {row["change"]: float(row["drop"]) for row in rows}
    assert 0 < drop["masked"] < drop["only"]
    assert sum(float(r["weight"]) for r in records("attention")) == pytest.approx(1, abs=1e-5)


def test_equal_bytes_again(judged: Path, scene: Path) -> None:
    evaluate("toy")
    assert files(scene) == files(judged)


def test_random_order_is_the_expectation() -> None:
    """For nDCG the expectation over all orders is known: each place holds the mean gain of the slate."""
    made = planted(40, per_query=12)
    data = ragged(made.data, np.tile([12, 3, 7, 1], 10))
    asked = Asked.of(data, "test", 2)
    gains = 2.0 ** asked.slates.grades - 1
    expected = []
    for start, stop in zip(asked.slates.offsets[:-1], asked.slates.offsets[1:], strict=True):
        discount = 1 / np.log2(np.arange(2, min(10, stop - start) + 2))
        best = (np.sort(gains[start:stop])[::-1][:10] * discount).sum()
        expected.append(gains[start:stop].mean() * discount.sum() / best if best else 0.0)
    random = asked.random(seed=3)
    assert random.estimate()["ndcg_at_10"] == pytest.approx(np.mean(expected), abs=0.02)
    assert asked.random(3).values.tolist() == random.values.tolist()


def test_the_starting_order_is_the_files() -> None:
    data = planted(30).data
    asked = Asked.of(data, "valid", 2)
    found = of_grades(asked.slates.offsets, asked.slates.grades, 2)
    values = asked.starting().values
    for name in ("ndcg_at_10", "mrr", "map"):
        assert values[:, NAMES.index(name)].tolist() == found[name].tolist()


@pytest.mark.parametrize(("column", "change", "said"), [
    ("score", lambda x: x.where(x.index != 5, math.nan), "1 of 192 in column 'score' are NaN"),
    ("grade", lambda x: 3 - x, r"column 'grade' differs\); run dvc repro train-fusion@toy-bm25"),
    ("candidate", lambda x: x + 1, "column 'candidate' differs"),
])
def test_scores_that_dont_fit_are_refused(scene: Path, column: str, change, said: str) -> None:
    frame = pq.read_table(scores_of("bm25")).to_pandas()
    frame[column] = change(frame[column]).astype(frame[column].dtype)
    frame.to_parquet(scores_of("bm25"), index=False)
    with pytest.raises(InputError, match=said):
        evaluate("toy")
    assert not Path("metrics").exists()


def test_missing_scores_and_bad_parameters_end_in_one_line(scene: Path) -> None:
    params(scene, "resamples: 100", "order: ndcg, resamples: 100")
    with pytest.raises(InputError, match="no metric 'ndcg'"):
        evaluate("toy")
    params(scene, "order: ndcg, resamples: 100", "baselines: [bm52], resamples: 100")
    with pytest.raises(InputError, match=r"fusion\.evaluate\.baselines: no model 'bm52'"):
        evaluate("toy")
    params(scene, "baselines: [bm52], ", "")
    scores_of("bm25").unlink()
    with pytest.raises(InputError, match="'bm25' has no scores yet; run dvc repro train-fusion@toy-bm25"):
        evaluate("toy")


def test_chance_is_drawn_over_shuffles_and_not_over_queries_alone() -> None:
    """Nets that learnt from noise prefer good candidates, or bad ones, by luck: together they are at chance."""
    asked = Asked.of(planted(100).data, "test", 2)
    rng, grades = np.random.default_rng(0), asked.slates.grades
    runs = [asked.measured(sign * grades + 2 * rng.normal(size=len(grades))) for sign in (1, -1, 0.5, -0.5)]
    resamples, random = Resamples(len(asked.slates), 300, 3), asked.random(3)
    alone, together = (from_chance(of, random, "ndcg_at_10", resamples, 0.95) for of in (runs[:1], runs))
    assert alone.low > 0
    assert together.low < 0 < together.high
    one = apart(runs[0], random, "ndcg_at_10", resamples, 0.95)
    assert (alone.estimate, alone.low, alone.high) == pytest.approx((one.estimate, one.low, one.high))
