"""The evaluate stage on invented scores: what it writes, what it chooses by, what it refuses."""

import csv
import json
import math
from pathlib import Path

import judged
import numpy as np
import pytest

from rankpipe import leaderboard, paths
from rankpipe.ctr.evaluate import evaluate
from rankpipe.ctr.slices import Slices, Table, slices
from rankpipe.errors import InputError
from rankpipe.io.h5 import ColumnsReader
from rankpipe.metrics.probability import logloss, prior_shift, task_score
from rankpipe.metrics.ranking import auc


@pytest.fixture
def scene(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    judged.scene(tmp_path)
    return tmp_path


def params(folder: Path, old: str, new: str) -> None:
    text = (folder / "params.yaml").read_text()
    assert old in text
    (folder / "params.yaml").write_text(text.replace(old, new))


def board() -> leaderboard.Board:
    return leaderboard.load(paths.leaderboard("toy", "ctr") / leaderboard.FILE)


def records(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def of_slices() -> list[dict[str, str]]:
    return records(paths.leaderboard("toy", "ctr") / "slices.csv")


def files(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for top in ("metrics", "plots", "build/toy/ctr/leaderboard")
            for p in sorted((folder / top).rglob("*")) if p.is_file()}


def test_figures_are_those_of_the_scores(scene):
    evaluate("toy")
    _, labels, p = judged.read("feseq", "test")
    p = p.astype(np.float64)
    _, seen, _ = judged.read("feseq", "valid")
    written = json.loads(Path("metrics/toy/ctr/feseq.json").read_text())
    assert written["auc"] == pytest.approx(auc(labels, p), abs=1e-6)
    assert written["logloss"] == pytest.approx(logloss(labels, p), abs=1e-6)
    assert written["score"] == pytest.approx(task_score(labels, p), abs=1e-6)
    # The prior is measured on valid, not on the rows that are judged.
    assert written["score_shifted"] == pytest.approx(task_score(labels, prior_shift(p, float(seen.mean()))), abs=1e-6)
    assert written["auc_low"] < written["auc"] < written["auc_high"] and written["rows"] == 900
    assert len(written) < 15, "dvc metrics show prints a column for each key"
    assert sorted(p.name for p in Path("metrics/toy/ctr").iterdir()) == sorted(f"{m}.json" for m in judged.NOISE)


def test_leaderboard_ranks_compares_and_shows_the_constant(scene, capsys):
    evaluate("toy")
    of = board()
    assert [r.model for r in of.rows] == ["feseq", "deepfm", "lightgbm", "lr", "constant"]
    assert (of.baseline, of.row("lightgbm").gap, of.row("lr").role) == ("lightgbm", None, "baseline")
    assert of.row("feseq").gap.verdict == "better" and of.row("feseq").gap.low > 0
    assert of.row("lr").gap.verdict == "worse"
    assert of.row("constant").figures["auc"].value == 0.5
    for row in of.rows:
        for figure in row.figures.values():
            assert figure.low <= figure.value <= figure.high
    text = capsys.readouterr().out
    table = text.split("\n\n")[0].splitlines()
    assert all(len(line) <= 100 for line in table) and "▲" in text and "plots/toy/ctr/png/roc.png" in text
    assert all(Path(plot).is_file() for plot in of.plots)
    paired = records(paths.leaderboard("toy", "ctr") / "paired.csv")
    assert len(paired) == 7 * 6 and all(float(r["p_holm"]) >= float(r["p"]) for r in paired)


def test_the_baseline_is_chosen_on_valid(scene):
    """lr wins on test and loses on valid: test must choose nothing."""
    rows, labels, _ = judged.read("lr", "test")
    judged.write("lr", "test", rows, labels, np.where(labels == 1, 0.9, 0.1))
    evaluate("toy")
    assert board().baseline == "lightgbm" and board().rows[0].model == "lr"


def test_without_a_trained_baseline_the_constant_is_the_baseline(scene):
    params(scene, "evaluate:\n", "evaluate:\n    baselines: [fm]\n")
    evaluate("toy")
    assert board().baseline == "constant" and board().row("lr").gap.verdict == "better"


def test_two_runs_give_the_same_bytes_in_any_order_of_models(scene):
    evaluate("toy")
    first = files(scene)
    params(scene, "feseq: {}, lr: {}, deepfm: {}, lightgbm: {}", "lr: {}, lightgbm: {}, feseq: {}, deepfm: {}")
    for name in judged.NOISE:  # rows in another order, too
        turned = [column[::-1] for column in judged.read(name, "test")]
        judged.write(name, "test", *turned)
    evaluate("toy")
    second = files(scene)
    assert first.keys() == second.keys() and len(first) > 25
    assert {k for k in first if first[k] != second[k]} == set()


def test_users_are_resampled_where_the_schema_has_a_group(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    judged.scene(tmp_path, group=True)
    evaluate("toy")
    assert "resamples of 90 groups" in board().heading
    params(tmp_path, "evaluate:\n", "evaluate:\n    unit: row\n")
    evaluate("toy")
    assert "resamples of rows" in board().heading


def test_slices_hold_every_row_once(scene):
    evaluate("toy")
    of = [r for r in of_slices() if r["model"] == "lr"]
    for column in ("ad", "seq length"):
        assert sum(int(r["rows"]) for r in of if r["column"] == column) == 900
    assert [r["value"] for r in of] == ["2", "36", "2 others", "0–2", "3–5", "6+"]
    one = next(r for r in of if r["value"] == "36")
    with ColumnsReader(paths.split("toy", "ctr", "test")) as reader:
        mine = reader.read().categorical[:, 0] == reader.dictionaries["ad"].index("36")
    _, labels, p = judged.read("lr", "test")
    assert float(one["auc"]) == pytest.approx(auc(labels[mine], p[mine]), abs=1e-6)
    assert float(one["auc_low"]) <= float(one["auc"]) <= float(one["auc_high"])
    # A slice of five clicks says how many rows it has, and nothing else.
    params(scene, "min_clicks: 5", "min_clicks: 100")
    evaluate("toy")
    few = next(r for r in of_slices() if r["value"] == "2")
    assert few["rows"] != "" and few["auc"] == "" and few["logloss"] == ""


def test_slices_by_hand():
    of = Table(np.arange(5), np.zeros(5), None, {"ad": np.array([0, 1, -1, 1, 2], dtype=np.int32)},
               {"ad": ["10", "9", "x"]}, {"seq": np.array([0, 1, 2, 3, 9])})
    found = [(s.column, s.value, s.rows.tolist()) for s in slices(Slices(("ad",), (2, 3)), of)]
    assert found == [("ad", "9", [1, 3]), ("ad", "10", [0]), ("ad", "missing", [2]), ("ad", "x", [4]),
                     ("seq length", "0–1", [0, 1]), ("seq length", "2–2", [2]), ("seq length", "3+", [3, 4])]


def test_scores_may_name_rows_by_their_place_in_the_split(scene):
    evaluate("toy")
    first = of_slices()
    for model in judged.NOISE:
        rows, labels, p = judged.read(model, "test")
        judged.write(model, "test", np.arange(len(rows)), labels, p)
    evaluate("toy")
    second = of_slices()
    assert [r["auc"] for r in second] == [r["auc"] for r in first]


def test_leftovers_are_named_and_not_judged(scene, capsys):
    params(scene, "lr: {}, ", "")
    evaluate("toy")
    captured = capsys.readouterr()
    warnings = [line for line in captured.err.splitlines() if line.startswith("warning")]
    assert len(warnings) == 1 and "scores/lr" in warnings[0]
    assert "lr" not in [r.model for r in board().rows] and not Path("metrics/toy/ctr/lr.json").exists()


def spoil_missing(scene):
    (paths.model_scores("toy", "ctr", "lr") / "test.parquet").unlink()


def spoil_nan(scene):
    rows, labels, p = judged.read("lr", "valid")
    p[3] = math.nan
    judged.write("lr", "valid", rows, labels, p)


def spoil_range(scene):
    rows, labels, p = judged.read("lr", "test")
    judged.write("lr", "test", rows, labels, p + 1)


def spoil_labels(scene):
    rows, labels, p = judged.read("lr", "test")
    labels[0] = 1 - labels[0]
    judged.write("lr", "test", rows, labels, p)


def spoil_rows(scene):
    rows, labels, p = judged.read("lr", "test")
    judged.write("lr", "test", rows[1:], labels[1:], p[1:])


def spoil_doubled(scene):
    rows, labels, p = judged.read("lr", "test")
    rows[1] = rows[0]
    judged.write("lr", "test", rows, labels, p)


def spoil_all_rows(scene):
    for model in judged.NOISE:
        rows, labels, p = judged.read(model, "test")
        judged.write(model, "test", rows + 1, labels, p)


def spoil_one_class(scene):
    for model in judged.NOISE:
        rows, labels, p = judged.read(model, "valid")
        judged.write(model, "valid", rows, labels * 0, p)


def spoil_truncated(scene):
    path = paths.model_scores("toy", "ctr", "lr") / "test.parquet"
    path.write_bytes(path.read_bytes()[:500])


def spoil_curve(scene):
    (paths.model_scores("toy", "ctr", "lr") / "curve.csv").write_text("epoch,valid_auc\n1,much\n")


@pytest.mark.parametrize(("spoil", "message"), [
    (spoil_missing, r"scores/lr/test.parquet: not found.*dvc repro train-ctr@toy-lr"),
    (spoil_nan, r"scores/lr/valid.parquet: 1 of 500 probabilities are NaN"),
    (spoil_range, r"scores/lr/test.parquet: probabilities must lie in \[0, 1\]"),
    (spoil_labels, r"scores/lr/test.parquet: its labels are not those of 'feseq'"),
    (spoil_rows, r"scores/lr/test.parquet: its rows are not those of 'feseq'"),
    (spoil_doubled, r"scores/lr/test.parquet: a row stands there twice"),
    (spoil_all_rows, r"test.h5: holds other rows than the scores"),
    (spoil_one_class, r"split valid: all labels are of one class"),
    (spoil_truncated, r"scores/lr/test.parquet: not a whole parquet file"),
    (spoil_curve, r"scores/lr/curve.csv: not a table of numbers"),
    (lambda s: params(s, "lr: {}", "lrr: {}"), r"ctr.models: no model 'lrr'; did you mean 'lr'"),
    (lambda s: params(s, "[ad]", "[adv]"), r"slices.columns: 'adv' is not a categorical column.*did you mean 'ad'"),
    (lambda s: params(s, "resamples: 200", "resample: 200"), r"resample: unknown parameter; did you mean 'resamples'"),
    (lambda s: params(s, "resamples: 200", "unit: group"), r"unit: group needs ctr.schema.group"),
    (lambda s: params(s, "[3, 6]", "[6, 3]"), r"lengths must rise"),
])
def test_refuses_in_one_line_and_leaves_nothing(scene, spoil, message):
    spoil(scene)
    with pytest.raises(InputError, match=message) as caught:
        evaluate("toy")
    assert "\n" not in str(caught.value)
    assert not Path("metrics").exists() and not Path("plots").exists() and not paths.leaderboard("toy", "ctr").exists()


def test_the_command_prints_every_leaderboard(scene, capsys):
    with pytest.raises(SystemExit):
        leaderboard.main([])
    assert "no leaderboard under build/" in capsys.readouterr().err
    evaluate("toy")
    shown = capsys.readouterr().out.split("\n\nPlots")[0]
    leaderboard.main([])
    assert capsys.readouterr().out.startswith(shown)
    leaderboard.main(["toy"])
    assert "ctr · toy" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        leaderboard.main(["full"])
    assert "no leaderboard of size full" in capsys.readouterr().err
    (paths.leaderboard("toy", "ctr") / leaderboard.FILE).write_text('{"format": 99}')
    with pytest.raises(SystemExit):
        leaderboard.main([])
    assert "not a leaderboard of format 1" in capsys.readouterr().err
    (paths.leaderboard("toy", "ctr") / leaderboard.FILE).write_text('{"format": 1, "rows": [{}]}')
    with pytest.raises(SystemExit):
        leaderboard.main([])
    assert "damaged (KeyError: 'model')" in capsys.readouterr().err
