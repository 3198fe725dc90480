"""The generated films and viewers: bytes that only the seed decides, tables that agree, tastes that can be found."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.sparse import csr_matrix

from rankpipe.sample.__main__ import main
from rankpipe.sample.films import GENRES
from rankpipe.sample.topk import FILES

ROOT = Path(__file__).parents[1]
SAMPLE = "topk --seed 7"
"""The command that docs/sample.md states for the committed sample."""


def run(words: str, out: Path, hash_seed: str = "0") -> str:
    done = subprocess.run([sys.executable, "-m", "rankpipe.sample", *words.split(), "--out", str(out)], cwd=ROOT,
                          env={**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT / "src")},
                          capture_output=True, text=True, timeout=300, check=True)
    return done.stdout


def digests(folder: Path) -> dict[str, str]:
    return {name: hashlib.md5((folder / name).read_bytes()).hexdigest() for name in FILES}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    (out / "said").write_text(run(SAMPLE, out))
    return out


@pytest.fixture(scope="module")
def views(sample: Path) -> np.ndarray:
    """(n, 3) user, item, time."""
    return np.loadtxt(sample / "train_ratings.csv", np.int64, delimiter=",", skiprows=1)


def pairs(path: Path) -> list[tuple[str, str]]:
    lines = path.read_text().splitlines()[1:]
    return [tuple(line.split("\t")) for line in lines]


def test_the_committed_sample_is_what_the_documented_command_writes(sample: Path) -> None:
    assert f"python -m rankpipe.sample {SAMPLE} --out data/topk" in (ROOT / "docs" / "sample.md").read_text()
    outs = {out["path"]: out for out in YAML(typ="safe").load((ROOT / "data.dvc").read_text())["outs"]}
    stated = outs["data/topk"]["md5"].removesuffix(".dir")
    listing = ROOT / "sample-remote" / "files" / "md5" / stated[:2] / f"{stated[2:]}.dir"
    assert digests(sample) == {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text())}


def test_another_process_and_hash_seed_give_the_same_bytes_another_seed_doesnt(tmp_path: Path) -> None:
    words = "topk --users 300 --items 90 --rows 4000"
    run(words, tmp_path / "a", "1")
    run(words, tmp_path / "b", "2")
    main([*words.split(), "--seed", "8", "--out", str(tmp_path / "c")])
    assert digests(tmp_path / "a") == digests(tmp_path / "b")
    assert all(a != c for a, c in zip(digests(tmp_path / "a").values(), digests(tmp_path / "c").values(), strict=True))


def test_the_films_do_not_depend_on_the_viewers(tmp_path: Path) -> None:
    for name, users in (("few", 256), ("many", 300)):
        main(["topk", "--users", str(users), "--items", "90", "--rows", str(20 * users), "--out", str(tmp_path / name)])
    few, many = (digests(tmp_path / name) for name in ("few", "many"))
    assert [name for name in FILES if few[name] != many[name]] == ["train_ratings.csv"]


def test_views(sample: Path, views: np.ndarray) -> None:
    assert (sample / "train_ratings.csv").read_text().startswith("user,item,time\n") and len(views) == 45_000
    users, items, times = views.T
    assert len(np.unique(users)) == 1500 and len({(u, i) for u, i, _ in views.tolist()}) == len(views)
    assert (np.lexsort((times, users)) == np.arange(len(views))).all()  # by user, then time
    counts = np.unique(users, return_counts=True)[1]
    assert counts.min() >= 8 and counts.max() <= 200 and np.quantile(counts, 0.9) > 2 * np.median(counts)
    popular = np.sort(np.unique(items, return_counts=True)[1])[::-1]
    assert popular[:60].sum() > 0.3 * len(views) and popular[300:].sum() > 0.1 * len(views)  # a head and a long tail
    assert times.min() >= 1_104_537_600 and times.max() < 1_431_000_000
    years = {int(i): int(title[-5:-1]) for i, title in pairs(sample / "titles.tsv")}
    watched = times.astype("datetime64[s]").astype("datetime64[Y]").astype(int) + 1970
    assert (watched >= np.array([years[i] for i in items.tolist()])).all()
    assert sum(p.stat().st_size for p in sample.iterdir()) < 1_500_000


def test_tables(sample: Path) -> None:
    titles = pairs(sample / "titles.tsv")
    ids = [i for i, _ in titles]
    assert len(set(ids)) == 600 == len({title for _, title in titles}) and ids == sorted(ids, key=int)
    years = dict(pairs(sample / "years.tsv"))
    assert 560 < len(years) < 600 and all(dict(titles)[i].endswith(f" ({y})") for i, y in years.items())
    genres = pairs(sample / "genres.tsv")
    assert {g for _, g in genres} == set(GENRES) and len({i for i, _ in genres}) < 600 < len(genres)
    for name, missing in (("directors", 48), ("writers", 90)):
        rows = pairs(sample / f"{name}.tsv")
        assert len(set(rows)) == len(rows) and abs(600 - len({i for i, _ in rows}) - missing) < 30
    assert len({d for _, d in pairs(sample / "directors.tsv")}) < len({w for _, w in pairs(sample / "writers.tsv")})


def test_tastes_can_be_found_and_side_fields_tell_of_them(sample: Path, views: np.ndarray) -> None:
    """A tenth of the rows hidden: recall@10 of popularity, of a ridge on fields alone, and of EASE."""
    users, items = (np.unique(column, return_inverse=True)[1] for column in views.T[:2])
    names = np.unique(views[:, 1])
    hidden = np.random.default_rng(0).random(len(views)) < 0.1
    known, wanted = (csr_matrix((np.ones(mine.sum()), (users[mine], items[mine])), (1500, len(names))).toarray()
                     for mine in (~hidden, hidden))

    def recall(scores: np.ndarray) -> float:
        top = np.argsort(-np.where(known > 0, -np.inf, scores), axis=1, kind="stable")[:, :10]
        some = wanted.sum(1) > 0
        return float((np.take_along_axis(wanted, top, 1).sum(1)[some] / np.minimum(wanted.sum(1)[some], 10)).mean())

    gram = known.T @ known + 200 * np.eye(len(names))
    inverse = np.linalg.inv(gram)
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    place = {str(n): k for k, n in enumerate(names)}
    told = [(place[i], value) for name in ("genres", "directors") for i, value in pairs(sample / f"{name}.tsv")
            if i in place]
    values = {value: k for k, value in enumerate(sorted({value for _, value in told}))}
    fields = np.zeros((len(names), len(values)))
    for i, value in told:
        fields[i, values[value]] = 1
    share = known.mean(0)
    ridge = (known - share) @ fields @ np.linalg.inv(fields.T @ fields + 20 * np.eye(len(values))) @ fields.T
    popularity, by_fields, ease = recall(share[None] + 0 * known), recall(ridge + share), recall(known @ weights)
    assert popularity < 0.17 and by_fields > 1.2 * popularity and ease > 1.9 * popularity


def test_memory_does_not_grow_with_rows(tmp_path: Path) -> None:
    program = ("import resource, sys; from rankpipe.sample.__main__ import main; main(sys.argv[1:]); "
               "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)")
    peaks = []
    for users in (2_000, 20_000):
        words = f"topk --users {users} --items 300 --rows {40 * users} --out {tmp_path / str(users)}".split()
        done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT / "src")})
        peaks.append(int(done.stdout.splitlines()[-1]) * 1024)
    assert (peaks[1] - peaks[0]) / 720_000 < 20


@pytest.mark.parametrize(("words", "said"), [("--users 0", "--users: 0 is out of range; it must be from 1"),
                                             ("--items 23", "--items: 23 is out of range; it must be from 24"),
                                             ("--rows 9", "--rows: 9 is out of range; it must be from 12000 to 300000"),
                                             ("--rows 300001", "it must be from 12000 to 300000")])
def test_arguments(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: str, said: str) -> None:
    with pytest.raises(SystemExit):
        main(["topk", *words.split(), "--out", str(tmp_path / "out")])
    assert said in capsys.readouterr().err and not (tmp_path / "out").exists()
