"""The sample generator: bytes that only the seed decides, the real schema, the stated shares, flat memory."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from rankpipe.data.schema import Schema, SequenceGroup
from rankpipe.sample import GENERATORS, ctr, signal, toss
from rankpipe.sample.__main__ import main

ROOT = Path(__file__).parents[1]
FILES = ("train.parquet", "test.parquet", "sample_submission.csv")
# The commands that docs/sample.md states for the committed samples.
SAMPLES = {"ctr": "ctr --rows 20000 --test-rows 3000 --mean-length 50 --click-rate 0.2 --seed 7",
           "embedding": "embedding --seed 7", "fusion": "fusion --seed 7",
           "rating": "rating --rows 6000 --seed 7", "topk": "topk --seed 7"}
SAMPLE = SAMPLES["ctr"]


def run(words: str, out: Path, hash_seed: str = "0") -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "rankpipe.sample", *words.split(), "--out", str(out)], cwd=ROOT,
                          env={**os.environ, "PYTHONHASHSEED": hash_seed}, capture_output=True, text=True, timeout=300)


def digests(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): hashlib.md5(path.read_bytes()).hexdigest()
            for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample") / "made"
    done = run(SAMPLE, out)
    assert done.returncode == 0, done.stderr
    (out.parent / "stdout").write_text(done.stdout)
    return out


@pytest.mark.parametrize("track", sorted(GENERATORS))
def test_the_committed_sample_is_what_the_documented_command_writes(track: str, sample: Path, tmp_path: Path) -> None:
    folder = sample
    if track != "ctr":
        folder = tmp_path / "made"
        assert run(SAMPLES[track], folder, hash_seed="4711").returncode == 0
    assert f"python -m rankpipe.sample {SAMPLES[track]} --out data/{track}" in (ROOT / "docs" / "sample.md").read_text()
    outs = {out["path"]: out for out in YAML(typ="safe").load((ROOT / "data.dvc").read_text())["outs"]}
    stated = outs[f"data/{track}"]["md5"].removesuffix(".dir")
    listing = ROOT / "sample-remote" / "files" / "md5" / stated[:2] / f"{stated[2:]}.dir"
    committed = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text())}
    store = listing.parents[1]
    assert all((store / md5[:2] / md5[2:]).is_file() for md5 in committed.values())
    made = digests(folder)
    for name in [name for name in committed if name.endswith(".parquet")]:
        theirs, ours = store / committed[name][:2] / committed[name][2:], folder / name
        if pq.read_metadata(theirs).created_by != pq.read_metadata(ours).created_by:
            # Another Arrow writes other bytes for the same rows.
            assert pq.read_table(theirs).equals(pq.read_table(ours))
            made[name] = committed[name]
    assert made == committed


def test_another_hash_seed_and_process_give_the_same_bytes(tmp_path: Path) -> None:
    for i, group in (("1", "0"), ("2", "0"), ("3", "5000")):
        done = run(f"ctr --rows 9000 --mean-length 20 --row-group-rows {group}", tmp_path / i, hash_seed=i)
        assert done.returncode == 0, done.stderr
    assert digests(tmp_path / "1") == digests(tmp_path / "2")
    one, grouped = (pq.ParquetFile(tmp_path / i / "train.parquet") for i in "13")
    assert (one.num_row_groups, grouped.num_row_groups) == (1, 2)
    assert one.read().equals(grouped.read())
    assert sorted(p.name for p in (tmp_path / "1").iterdir()) == sorted(FILES)  # nothing temporary is left


def test_a_block_depends_on_the_seed_and_its_number_alone() -> None:
    days = np.full(toss.BLOCK, 3)
    settings = toss.Settings(5, 20)
    alone = toss.Rows(settings).block(toss.TRAIN, 2, days)
    rows = toss.Rows(settings)
    after = [rows.block(toss.TRAIN, i, days) for i in range(3)][2]
    assert alone.features.equals(after.features)
    short = rows.block(toss.TRAIN, 2, days[:100])
    assert short.features.equals(alone.features.slice(0, 100))
    for other in (rows.block(toss.TEST, 2, days), toss.Rows(toss.Settings(6, 20)).block(toss.TRAIN, 2, days)):
        assert not other.features["seq"].equals(alone.features["seq"])


def test_files_have_the_columns_of_the_real_ones(sample: Path) -> None:
    params = YAML(typ="safe").load((ROOT / "params.yaml").read_text())["ctr"]["schema"]
    schema = Schema(label="clicked", categorical=tuple(params["categorical"]), numeric=tuple(params["numeric"]),
                    sequence={"seq": SequenceGroup({"item": "seq"})})
    features = [*schema.categorical, "seq", *schema.numeric]
    train, test = (pq.read_schema(sample / name) for name in FILES[:2])
    assert len(features) == 118
    assert train.names == [*features, "clicked"] and test.names == ["ID", *features]
    assert train.field("clicked").type == pa.int32()
    assert {train.field(n).type for n in features[:6]} == {pa.string()}
    assert {train.field(n).type for n in features[6:]} == {pa.float32()}
    assert pq.read_metadata(sample / "train.parquet").num_rows == 20_000
    ids = pq.read_table(sample / "test.parquet", columns=["ID"])["ID"].to_pylist()
    assert ids[0] == "TEST_0000000" and ids[-1] == "TEST_0002999"
    lines = (sample / "sample_submission.csv").read_text().splitlines()
    assert lines[0] == "ID,clicked" and [line.split(",")[0] for line in lines[1:]] == ids


def test_days_are_grouped_out_of_order_and_test_holds_day_seven(sample: Path) -> None:
    days = pq.read_table(sample / "train.parquet", columns=["day_of_week"])["day_of_week"].to_pylist()
    runs = [days[0], *(b for a, b in pairwise(days) if a != b)]
    assert sorted(runs) == ["1", "2", "3", "4", "5", "6", "7"] and runs != sorted(runs) and runs[0] != "7"
    assert set(pq.read_table(sample / "test.parquet", columns=["day_of_week"])["day_of_week"].to_pylist()) == {"7"}


def test_constants_repeats_and_words(sample: Path) -> None:
    train = pq.read_table(sample / "train.parquet")
    assert pc.count_distinct(train["l_feat_20"]).as_py() == pc.count_distinct(train["l_feat_23"]).as_py() == 1
    assert train["l_feat_17"].equals(train["l_feat_9"])
    assert set(train["gender"].unique().to_pylist()) == {"1.0", "2.0", None}
    assert {"36", "2"} <= set(train["inventory_id"].unique().to_pylist())
    assert sorted(train["hour"].unique().to_pylist()) == [f"{i:02d}" for i in range(24)]


def test_shares_and_lengths_of_the_real_data(tmp_path: Path) -> None:
    main(["ctr", "--rows", "40000", "--test-rows", "0", "--out", str(tmp_path)])
    train = pq.read_table(tmp_path / "train.parquet")
    n = len(train)

    def missing(name: str) -> float:
        return train[name].null_count / n

    assert np.mean(train["clicked"].to_numpy()) == pytest.approx(0.019, abs=0.0025)  # ± 3.6 standard errors
    assert 0.08 < missing("feat_e_3") < 0.10
    assert missing("gender") == missing("feat_d_4") == missing("feat_b_1") == pytest.approx(0.0024, abs=0.001)
    assert missing("feat_a_1") == missing("feat_a_18") == pytest.approx(0.0025, abs=0.001)
    whole = [name for name in train.column_names if name.startswith(("l_feat", "history", "seq"))]
    assert not any(train[name].null_count for name in whole)
    together = pc.sum(pc.and_(train["gender"].is_null(), train["feat_c_8"].is_null())).as_py()
    assert together == train["gender"].null_count > 0
    lengths = pc.add(pc.count_substring(train["seq"], ","), 1).to_numpy()
    assert lengths.min() >= 1
    assert lengths.mean() == pytest.approx(558, rel=0.03)
    assert np.median(lengths) == pytest.approx(464, rel=0.05)
    assert np.quantile(lengths, 0.95) == pytest.approx(1397, rel=0.08)
    items, counts = np.unique(np.array(",".join(train["seq"][:4000].to_pylist()).split(","), int), return_counts=True)
    assert len(items) == 576 and items.min() == 1 and items.max() == 576
    assert 0.05 < counts.max() / counts.sum() < 0.15
    heavy = train["feat_e_2"].drop_null().to_numpy()
    assert heavy.min() < 10 * np.median(heavy) < 0


def test_true_scores_need_the_sequence(sample: Path) -> None:
    words = (sample.parent / "stdout").read_text().split()
    full, blind = float(words[words.index("logit") + 1].strip(",")), float(words[-1])
    assert 0.88 < full < 0.94 and blind < 0.78


def test_recency_order_and_slot_change_the_sequence_part() -> None:
    def score(items: list[int], slot: int = 0) -> float:
        n = np.array([len(items)])
        return float(signal.sequence(np.array(items, np.uint8), n, n, np.array([slot]))[0])

    assert score([2, 2, 2, 0, 0, 0]) > score([0, 0, 0, 2, 2, 2])  # slot 0 likes topic 0 better; the newest weighs most
    assert score([3, 3], slot=0) < score([3, 3], slot=1) == score([3, 3], slot=3)  # slots 1 and 3 are of one group
    # One turn up the ring, worth 1, between an item of weight 2^(-1/6) and one of weight 1.
    weights = np.array([2 ** (-1 / 6), 1.0])
    by_hand = np.sqrt(0.88) * (weights * signal.AFFINITY[0, :2]).sum() / 5.3 + np.sqrt(0.12) * 1 / 0.687
    assert score([0, 1]) == pytest.approx(by_hand, abs=1e-12)
    assert score([1] * 64 + [0]) == score([1] * 500 + [0])  # nothing beyond the window matters


def test_auc_in_bins_is_the_share_of_ordered_pairs() -> None:
    tally = ctr.Tally()
    scores = np.array([0.0, 1.0, 2.0, 2.0])
    tally.add(toss.Block(pa.RecordBatch.from_pylist([]), np.array([0, 1, 0, 1]), scores, -scores))
    assert tally.auc("all") == pytest.approx((1 + 0 + 1 + 0.5) / 4)  # pairs (1,0) (1,2) (2,0) (2,2)
    assert tally.auc("rest") == pytest.approx(1 - 2.5 / 4)


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    code = ("import resource, sys; from rankpipe.sample.__main__ import main; main(sys.argv[1:]); "
            "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)")
    peaks = []
    for rows in (12_000, 48_000):
        words = f"ctr --rows {rows} --mean-length 300 --test-rows 0 --row-group-rows 4096 --out {tmp_path / str(rows)}"
        done = subprocess.run([sys.executable, "-c", code, *words.split()], cwd=ROOT, capture_output=True, text=True,
                              timeout=300, check=True)
        peaks.append(int(done.stdout.split()[-1]) / 1024)
    assert peaks[1] < peaks[0] * 1.1 + 20, f"MB at 12,000 and 48,000 rows: {peaks}"


@pytest.mark.parametrize("words", ["--rows 0", "--rows 5 --click-rate 2", "--rows 5 --mean-length 0",
                                   "--rows 5 --test-rows -1"])
def test_a_value_out_of_range_is_one_line(words: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    with pytest.raises(SystemExit) as end:
        main(["ctr", *words.split(), "--out", str(tmp_path / "out")])
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words.split()[-2] in error
    assert not (tmp_path / "out").exists()


def test_more_rows_than_the_films_allow_are_refused(tmp_path: Path) -> None:
    """Nobody takes more than a third of the films: 60 users take 13 of 40 each, and no row more."""
    assert run("topk --users 60 --items 40 --rows 780", tmp_path / "full").returncode == 0
    done = run("topk --users 60 --items 40 --rows 781", tmp_path / "overfull")
    assert done.returncode == 1 and "--rows: 781 is out of range; it must be from 480 to 780" in done.stderr
