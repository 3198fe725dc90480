"""The generated Yelp: bytes that only the seed decides, stats that are what one counts, and a signal that is there."""

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ruamel.yaml import YAML

from rankpipe.sample.__main__ import main

ROOT = Path(__file__).resolve().parents[1]
FILES = ("business.json", "pairs.csv", "review.json", "user.json")
# The command that docs/sample.md states for the committed sample.
SAMPLE = "rating --rows 6000 --seed 7"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("rating")
    main([*SAMPLE.split(), "--out", str(out)])
    return out


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_the_committed_sample_is_what_the_documented_command_writes(sample: Path) -> None:
    assert f"python -m rankpipe.sample {SAMPLE} --out data/rating" in (ROOT / "docs" / "sample.md").read_text()
    outs = {out["path"]: out for out in YAML(typ="safe").load((ROOT / "data.dvc").read_text())["outs"]}
    stated = outs["data/rating"]["md5"].removesuffix(".dir")
    listing = ROOT / "sample-remote" / "files" / "md5" / stated[:2] / f"{stated[2:]}.dir"
    committed = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text())}
    assert committed == {name: hashlib.md5((sample / name).read_bytes()).hexdigest() for name in FILES}


def test_bytes_depend_on_the_seed_alone(sample: Path, tmp_path: Path) -> None:
    assert sorted(p.name for p in sample.iterdir()) == sorted(FILES)
    assert sum((sample / name).stat().st_size for name in FILES) < 1_500_000
    done = subprocess.run([sys.executable, "-m", "rankpipe.sample", *SAMPLE.split(), "--out", str(tmp_path)],
                          cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": "5"}, capture_output=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert all((tmp_path / name).read_bytes() == (sample / name).read_bytes() for name in FILES)
    main(["rating", "--rows", "6000", "--seed", "8", "--out", str(tmp_path)])
    assert (tmp_path / "review.json").read_bytes() != (sample / "review.json").read_bytes()


def test_stats_are_counted_over_all_reviews_of_the_file(sample: Path) -> None:
    reviews = lines(sample / "review.json")
    assert len(reviews) == 6000 == len({(r["user_id"], r["business_id"]) for r in reviews})
    for file, key, mean, digits in (("user.json", "user_id", "average_stars", 100),
                                    ("business.json", "business_id", "stars", 2)):
        stars = defaultdict(list)
        for review in reviews:
            stars[review[key]].append(review["stars"])
        found = {row[key]: row for row in lines(sample / file)}
        assert set(found) == set(stars)
        for name, row in found.items():
            assert row["review_count"] == len(stars[name])
            assert abs(row[mean] - np.mean(stars[name])) <= 0.5 / digits + 1e-9
            assert row[mean] * digits == pytest.approx(round(row[mean] * digits))
    assert set(reviews[0]) == {"user_id", "business_id", "stars", "useful", "funny", "cool", "text", "date"}
    pairs = [line.split(",") for line in (sample / "pairs.csv").read_text().splitlines()]
    known = {row["user_id"] for row in lines(sample / "user.json")}
    assert pairs[0] == ["user_id", "business_id"] and len(pairs) == 301
    assert 0.8 < np.mean([user in known for user, _ in pairs[1:]]) < 0.98


def test_korean_guests_write_korean_and_any_size_is_made(tmp_path: Path) -> None:
    main(["rating", "--rows", "3000", "--users", "2000", "--businesses", "40", "--korean", "0.5", "--pairs", "0",
          "--out", str(tmp_path)])
    reviews = lines(tmp_path / "review.json")
    assert len(reviews) == 3000 == len({(r["user_id"], r["business_id"]) for r in reviews})
    assert len(lines(tmp_path / "user.json")) == 2000
    hangul = {r["user_id"]: set() for r in reviews}
    for review in reviews:
        hangul[review["user_id"]].add(any("가" <= c <= "힣" for c in review["text"]))
    assert all(len(said) == 1 for said in hangul.values())  # nobody changes the language
    assert 0.4 < np.mean([said == {True} for said in hangul.values()]) < 0.6
    assert (tmp_path / "pairs.csv").read_text() == "user_id,business_id\n"


@pytest.mark.parametrize("words", ["--rows 0", "--rows 9 --users 10", "--rows 9 --businesses 3", "--rows 90 --korean 2",
                                   "--users 5 --businesses 20 --rows 60", "--rows 90 --seed -1",
                                   "--rows 90 --pairs -1"])
def test_a_value_out_of_range_is_one_line(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["rating", *words.split(), "--out", str(tmp_path / "out")])
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words.split()[-2] in error
    assert not (tmp_path / "out").exists()


def ridge(x: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray, penalty: float) -> float:
    """RMSE on ``test`` of a ridge regression on standardised columns, fitted on ``train``."""
    x = (x - x[train].mean(0)) / (x[train].std(0) + 1e-9)
    a, mean = x[train], y[train].mean()
    weights = np.linalg.solve(a.T @ a + penalty * np.eye(x.shape[1]), a.T @ (y[train] - mean))
    return float(np.sqrt(np.mean((np.clip(x[test] @ weights + mean, 1, 5) - y[test]) ** 2)))


def bias(user: np.ndarray, item: np.ndarray, y: np.ndarray, train: np.ndarray, test: np.ndarray) -> float:
    """RMSE on ``test`` of mean + user + item, each shrunk, by alternating least squares."""
    u, i, rest = user[train], item[train], y[train] - y[train].mean()
    users, items = (np.bincount(codes, minlength=all_.max() + 1) + 4.0 for codes, all_ in ((u, user), (i, item)))
    of_user, of_item = np.zeros(len(users)), np.zeros(len(items))
    for _ in range(20):
        of_user = np.bincount(u, rest - of_item[i], len(users)) / users
        of_item = np.bincount(i, rest - of_user[u], len(items)) / items
    guess = np.clip(y[train].mean() + of_user[user[test]] + of_item[item[test]], 1, 5)
    return float(np.sqrt(np.mean((guess - y[test]) ** 2)))


def test_profiles_beat_ids_and_the_review_itself_beats_both(sample: Path) -> None:
    reviews = lines(sample / "review.json")
    y = np.array([r["stars"] for r in reviews])
    codes = [np.unique([r[key] for r in reviews], return_inverse=True) for key in ("user_id", "business_id")]
    words = np.unique([w for r in reviews for w in r["text"].lower().split()], return_counts=True)
    place = {w: k for k, w in enumerate(words[0][words[1] >= 30])}
    text = np.zeros((len(reviews), len(place)))
    for k, review in enumerate(reviews):
        for word in review["text"].lower().split():
            if word in place:
                text[k, place[word]] = 1
    votes = ("useful", "funny", "cool")
    stats = [np.log1p([[row["review_count"], row.get("fans", 0), sum(row.get(k, 0) for k in votes)]
                       for row in sorted(lines(sample / file), key=lambda row: row[key])])
             for file, key in (("user.json", "user_id"), ("business.json", "business_id"))]
    gains, readings, alone = [], [], []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(y))
        train, test = np.sort(order[:5100]), np.sort(order[5100:])
        inside = np.isin(np.arange(len(y)), train)
        columns = []
        for (_, code), known in zip(codes, stats, strict=True):
            # Profiles of the other reviews in train: sums without the row's own.
            own = np.concatenate([text, y[:, None]], 1) * inside[:, None]
            total = np.zeros((code.max() + 1, own.shape[1]))
            np.add.at(total, code, own)
            others = (np.bincount(code[train], minlength=len(total))[code] - inside)[:, None]
            prior = own[train].mean(0)
            columns += [known[code], (total[code] - own + 3 * prior) / (others + 3)]
        blocks = {"stats": columns[0::2], "texts": [x[:, :-1] for x in columns[1::2]], "users": columns[:2],
                  "businesses": columns[2:]}
        mean = float(np.std(y[test]))
        alone += [(k, mean - ridge(np.concatenate(x, 1), y, train, test, 300)) for k, x in blocks.items()]
        ids = bias(codes[0][1], codes[1][1], y, train, test)
        alone.append(("ids", mean - ids))
        gains.append(ids - ridge(np.concatenate(columns, 1), y, train, test, 300))
        readings.append(ids - ridge(text, y, train, test, 30))
    assert min(gain for _, gain in alone) > 0.05, alone
    assert np.mean(gains) > 0.03 and min(gains) > 0.015, gains
    assert min(readings) > 0.15, readings
