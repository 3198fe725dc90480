"""The evaluate stage of embedding on invented scores: what it writes, what it chooses by, what it refuses."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import embedding_judged
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr

from rankpipe import leaderboard, paths
from rankpipe.choice import chosen
from rankpipe.embedding.choice import BETTER, BY, WITHOUT_VECTORS
from rankpipe.embedding.evaluate import evaluate
from rankpipe.embedding.judging import Slices, by_genre
from rankpipe.embedding.scores import best_run, scores
from rankpipe.embedding.table import pairs
from rankpipe.errors import InputError
from rankpipe.metrics.bootstrap import Resamples
from rankpipe.metrics.similarity import Cuts

TRACK = "embedding"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        embedding_judged.scene(folder)
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


def scores_of(model: str, split: str = "test") -> Path:
    return paths.model_scores("toy", TRACK, model) / f"{split}.parquet"


def by_run(model: str, split: str = "test") -> dict[int, float]:
    table, of = pq.read_table(scores_of(model, split)).to_pandas(), pairs("toy", split)
    return {seed: spearmanr(of.score[rows["pair"]], rows["score"])[0] for seed, rows in table.groupby("seed")}


def files(folder: Path) -> dict[str, bytes]:
    tops = ("metrics", "plots", "build/toy/embedding/leaderboard")
    return {str(p.relative_to(folder)): p.read_bytes() for top in tops
            for p in sorted((folder / top).rglob("*")) if p.is_file()}


def test_figures_are_the_mean_over_the_runs(judged: Path) -> None:
    runs = by_run("simcse")
    assert sorted(runs) == [7, 8, 9]
    written = json.loads(Path("metrics/toy/embedding/simcse.json").read_text())
    assert written["spearman"] == pytest.approx(np.mean(list(runs.values())), abs=1e-6)
    assert written["spearman_sd"] == pytest.approx(np.std(list(runs.values()), ddof=1), abs=1e-6)
    assert written["valid_spearman"] == pytest.approx(np.mean(list(by_run("simcse", "valid").values())), abs=1e-6)
    assert written["spearman_low"] < written["spearman"] < written["spearman_high"]
    assert (written["runs"], written["pairs"]) == (3, len(pairs("toy", "test")))
    assert written["gap"] == pytest.approx(written["similar"] - written["different"], abs=2e-6)
    assert written["alignment"] == pytest.approx(0.41) and written["uniformity"] == pytest.approx(-1.99)
    tfidf = json.loads(Path("metrics/toy/embedding/tfidf.json").read_text())
    assert tfidf["runs"] == 1 and not set(tfidf) & {"spearman_sd", "alignment", "tokens_per_word"}


def test_leaderboard_ranks_compares_and_never_shows_the_gap_alone(judged: Path) -> None:
    of = board()
    assert of.rows[0].model == "supervised" and of.rows[0].gap.verdict == "better"
    assert {row.model for row in of.rows if row.role == "baseline"} == {"tfidf", "base"}
    assert of.baseline == max(("tfidf", "base"), key=lambda m: of.row(m).valid["spearman"])
    keys = [column.key for column in of.columns]
    assert keys[keys.index("gap") - 2:keys.index("gap")] == ["similar", "different"]
    for row in of.rows:
        for key in ("spearman", "pearson", "auc", "similar", "different", "gap"):
            figure = row.figures[key]
            assert figure.low <= figure.value <= figure.high
    assert all(Path(plot).is_file() for plot in of.plots) and len(of.plots) == 6
    assert "simcse gave" in leaderboard.render(of)


def test_a_link_is_held_against_what_it_started_from_run_by_run(judged: Path) -> None:
    links = {record["model"]: record for record in records("links")}
    assert {m: r["start_from"] for m, r in links.items()} == {
        "vocabulary": "base", "simcse": "vocabulary", "bottleneck": "simcse", "supervised": "simcse"}
    mine, before = by_run("bottleneck"), by_run("simcse")
    apart = [mine[seed] - before[seed] for seed in (7, 8, 9)]
    assert float(links["bottleneck"]["gain"]) == pytest.approx(np.mean(apart), abs=1e-6)
    assert float(links["bottleneck"]["worst_run"]) == pytest.approx(min(apart), abs=1e-6)
    assert float(links["bottleneck"]["gain_sd"]) == pytest.approx(np.std(apart, ddof=1), abs=1e-6)
    assert float(links["simcse"]["worst_run"]) == pytest.approx(
        min(by_run("simcse").values()) - by_run("vocabulary")[0], abs=1e-6)
    paired = next(r for r in records("paired") if r["metric"] == "spearman"
                  and {r["model_a"], r["model_b"]} == {"simcse", "vocabulary"})
    ends = sorted(abs(float(paired[key])) for key in ("low", "high"))
    assert sorted(abs(float(links["simcse"][key])) for key in ("low", "high")) == pytest.approx(ends)
    for model, link in links.items():
        gain = np.mean(list(by_run(model).values())) - np.mean(list(by_run(link["start_from"]).values()))
        assert float(link["gain"]) == pytest.approx(gain, abs=1e-6)
        assert float(link["low"]) < gain < float(link["high"])
    assert float(links["vocabulary"]["gain"]) < 0, "or the sign isn't tested"
    assert links["vocabulary"]["gain_sd"] == "" and len(records("runs")) == 3 + 3 * 3


def test_genres_share_the_pairs(judged: Path) -> None:
    of, table = pairs("toy", "test"), pq.read_table(scores_of("tfidf")).to_pandas()
    slices = [record for record in records("slices") if record["model"] == "tfidf"]
    assert [record["value"] for record in slices] == sorted(set(of.genre))
    for record in slices:
        rows = [i for i, genre in enumerate(of.genre) if genre == record["value"]]
        assert int(record["rows"]) == len(rows)
        assert float(record["spearman"]) == pytest.approx(spearmanr(of.score[rows], table["score"][rows])[0], abs=1e-6)
        assert float(record["spearman_low"]) < float(record["spearman"]) < float(record["spearman_high"])


def test_histograms_hold_the_pairs_of_all_runs(judged: Path) -> None:
    with Path("plots/toy/embedding/cosines/simcse.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert len(lines) == 40
    for key in ("similar", "different"):
        assert sum(float(line[key]) for line in lines) == pytest.approx(1.0, abs=1e-4)
    score = pairs("toy", "test").score
    table = pq.read_table(scores_of("simcse")).to_pandas()
    top = (table["score"][score[table["pair"]] >= 0.8] >= 0.95).mean()
    assert float(lines[-1]["similar"]) == pytest.approx(top, abs=1e-5)


def test_equal_scores_give_equal_bytes(scene: Path, first: Path) -> None:
    evaluate("toy")
    mine, other = files(scene), files(first)
    assert mine.keys() == other.keys() and [name for name in mine if mine[name] != other[name]] == []


def test_the_choice_is_made_on_valid_and_only_among_encoders(scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """tfidf knows valid by heart; simcse is best on test; what is left over is told and not judged."""
    params(scene, "    bottleneck: {start_from: simcse}\n", "")
    made = embedding_judged.small(240)
    for split in ("valid", "test"):
        made.pairs[split] = pairs("toy", split)
    embedding_judged.scores("tfidf", "valid", made, {0: made.pairs["valid"].score})
    embedding_judged.scores("simcse", "test", made, {s: made.pairs["test"].score for s in (7, 8, 9)})
    evaluate("toy")
    assert "bottleneck is left over" in capsys.readouterr().err
    assert not Path("metrics/toy/embedding/bottleneck.json").exists() and board().rows[0].model == "simcse"
    assert chosen(TRACK, "toy", "best", BY, BETTER, WITHOUT_VECTORS) == "supervised"
    assert chosen(TRACK, "toy", "best", BY, BETTER) == "tfidf"
    with pytest.raises(InputError, match="no model 'tfidf' was judged at size toy that can be chosen"):
        chosen(TRACK, "toy", "tfidf", BY, BETTER, WITHOUT_VECTORS)
    on_valid = by_run("supervised", "valid")
    for seed in (7, 8, 9):
        (paths.model("toy", TRACK, "supervised") / str(seed)).mkdir(parents=True)
    assert best_run("toy", "supervised").name == str(max(on_valid, key=lambda seed: on_valid[seed]))


def test_a_small_genre_has_no_figure_and_a_single_one_is_no_slice(judged: Path) -> None:
    of = scores("toy", ["tfidf"], "test")
    small = by_genre(Slices(min_rows=61), of, ["tfidf"], Cuts(), Resamples(len(of), 20, 0), 0.95)
    assert [(record["rows"], record["spearman"]) for record in small] == [(60, None), (60, None)]
    alike = replace(of, pairs=replace(of.pairs, genre=["news"] * len(of)))
    assert by_genre(Slices(), alike, ["tfidf"], Cuts(), Resamples(len(of), 20, 0), 0.95) == []


def spoil(model: str, change: object) -> None:
    table = pq.read_table(scores_of(model))
    pq.write_table(change(table), scores_of(model))  # type: ignore[operator]


def column(name: str, values: np.ndarray) -> object:
    return lambda table: table.set_column(table.schema.get_field_index(name), name, pa.array(values(table)))


@pytest.mark.parametrize(("change", "words"), [
    (lambda t: t.slice(1), "run 7 are not the 120 of test"),
    (lambda t: pa.concat_tables([t, t]), "the 240 pairs of run 7"),
    (column("label", lambda t: t["label"].to_numpy() / 2), "scored otherwise; run dvc repro simcse-embedding@toy"),
    (column("score", lambda t: np.where(t["pair"].to_numpy() == 3, np.nan, t["score"].to_numpy())),
     "3 of 360 scores are NaN or infinite, first of pair 3"),
    (lambda t: t.slice(0, 0), "holds no scores"),
    (lambda t: t.drop_columns(["seed"]), "no column 'seed'")])
def test_scores_of_something_else_are_refused(scene: Path, change: object, words: str) -> None:
    spoil("simcse", change)
    with pytest.raises(InputError, match=words):
        evaluate("toy")
    assert not Path("metrics").exists()


def test_missing_scores_and_misspelt_parameters_are_one_line(scene: Path) -> None:
    scores_of("bottleneck").unlink()
    with pytest.raises(InputError, match="'bottleneck' has no scores yet; run dvc repro bottleneck-embedding@toy"):
        evaluate("toy")
    params(scene, "resamples: 100", "order: spearmann, resamples: 100")
    with pytest.raises(InputError, match="no metric 'spearmann'; did you mean 'spearman'"):
        evaluate("toy")
    params(scene, "order: spearmann", "baselines: [simcse, tfidff]")
    with pytest.raises(InputError, match="no model 'tfidff'; did you mean 'tfidf'"):
        evaluate("toy")
    params(scene, "[simcse, tfidff]", "[hierarchical]")
    with pytest.raises(InputError, match=r"baselines: none of them is in embedding\.models"):
        evaluate("toy")
    params(scene, "baselines: [hierarchical]", "cuts: {similar: 0.1}")
    with pytest.raises(InputError, match="different < similar"):
        evaluate("toy")
