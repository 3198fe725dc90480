"""The generated shop: equal bytes, what the files hold, and that no single modality tells which picture is right."""

import argparse
import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML

from rankpipe.errors import InputError
from rankpipe.io.images import read_image
from rankpipe.sample import fusion
from rankpipe.sample.scenes import ASPECTS
from rankpipe.sample.wording import SYNONYMS

ROOT = Path(__file__).resolve().parent.parent
VISIBLE = ("shape", "colour", "ground", "count", "size")


def arguments(out: Path, *more: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    fusion.add_arguments(parser)
    return parser.parse_args([*more, "--out", str(out)])


def lines(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed sample."""
    folder = tmp_path_factory.mktemp("sample") / "fusion"
    fusion.generate(arguments(folder))
    return folder


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_equal_bytes_and_a_shelf_of_its_own_whatever_comes_after(tmp_path: Path) -> None:
    one, two, more = (tmp_path / name for name in ("one", "two", "more"))
    fusion.generate(arguments(one, "--candidates", "48", "--queries", "8"))
    fusion.generate(arguments(two, "--candidates", "48", "--queries", "8"))
    fusion.generate(arguments(more, "--candidates", "96", "--queries", "16", "--no-images"))
    assert everything(one) == everything(two)
    assert not (more / "images").exists()
    for name in ("candidates.jsonl", "queries.jsonl"):
        assert (more / name).read_text("utf-8").startswith((one / name).read_text("utf-8"))
    fusion.generate(arguments(two, "--candidates", "48", "--queries", "8", "--seed", "8"))
    assert everything(one) != everything(two)


def test_the_committed_sample_is_what_the_documented_command_writes(sample: Path) -> None:
    assert "python -m rankpipe.sample fusion --seed 7 --out data/fusion" in (ROOT / "docs/sample.md").read_text("utf-8")
    [out] = [out for out in YAML(typ="safe").load((ROOT / "data.dvc").read_text())["outs"]
             if out["path"] == "data/fusion"]
    stated = out["md5"].removesuffix(".dir")
    listing = ROOT / "sample-remote" / "files" / "md5" / stated[:2] / f"{stated[2:]}.dir"
    committed = {entry["relpath"]: entry["md5"] for entry in json.loads(listing.read_text())}
    assert committed == {name: hashlib.md5(data).hexdigest() for name, data in everything(sample).items()}


def test_small_enough_for_a_repository_and_whole(sample: Path) -> None:
    files = everything(sample)
    assert sum(map(len, files.values())) < 2_000_000
    candidates, queries = lines(sample / "candidates.jsonl"), lines(sample / "queries.jsonl")
    assert len(candidates) == 1200 and len(queries) == 600
    named = [c["image"] for c in candidates if c["image"]]
    lost = [name for name in named if name not in files]
    assert 5 <= len(lost) <= 30 and 5 <= 1200 - len(named) <= 60
    assert {name for name in files if name.startswith("images")} == set(named) - set(lost)
    sizes = Counter(read_image(sample / name).shape for name in named[:100] if name in files)
    assert set(sizes) == {(40, 40, 3), (56, 56, 3)}


@pytest.mark.parametrize(("option", "value"), [("--candidates", "1"), ("--slate", "25"), ("--queries", "0")])
def test_a_number_out_of_range_is_one_line(tmp_path: Path, option: str, value: str) -> None:
    with pytest.raises(InputError, match=option):
        fusion.generate(arguments(tmp_path / "x", option, value))
    assert not (tmp_path / "x").exists()


def evidence(sample: Path, modalities: set[str], truth: dict[str, dict[str, int]]) -> dict[str, list[list[float]]]:
    """For each query (score, grade) of its candidates: of what is wanted, what speaks for it less what speaks against,
    as far as someone can know who understands every word and sees every figure in ``modalities``."""
    words = {word: (a, i) for a, values in ASPECTS.items() for i, v in enumerate(values)
             for word in (v, SYNONYMS.get(v, v))}
    known: dict[str, dict[str, int]] = {}
    for line in lines(sample / "candidates.jsonl"):
        found = known.setdefault(line["candidate_id"], {})
        if "attributes" in modalities:
            found |= {a: ASPECTS[a].index(v) for a, v in line["attributes"].items() if a in ASPECTS}
        if "text" in modalities and line["text"]:
            spoken = line["text"].lower().replace(",", " ").replace(".", " ").split()
            found |= dict(words[w] for w in spoken if w in words)
        if "image" in modalities and line["image"] and (sample / line["image"]).exists():
            found |= {a: truth[line["candidate_id"]][a] for a in VISIBLE}
    wanted = {}
    for line in lines(sample / "queries.jsonl"):
        said = line["text"].lower().replace(",", " ").split()[2:]  # behind the series' name
        wanted[line["query_id"]] = dict(words[w] for w in said if w in words) | {
            a: ASPECTS[a].index(v) for a, v in line["constraints"].items()}
    slates: dict[str, list[list[float]]] = {}
    for row in (sample / "judgements.tsv").read_text().splitlines()[1:]:
        query, candidate, grade, _ = row.split("\t")
        score = sum((known[candidate][a] == v) - (known[candidate][a] != v) for a, v in wanted[query].items()
                    if a in known[candidate])
        slates.setdefault(query, []).append([score, int(grade)])
    return slates


def ndcg(slates: dict[str, list[list[float]]]) -> np.ndarray:
    """(Q,) nDCG@10, the mean over orders of equal scores by one fixed draw."""
    rng = np.random.default_rng(0)
    found = []
    for rows in slates.values():
        score, grade = np.array(rows).T
        gain, discount = 2.0**grade - 1, 1 / np.log2(np.arange(2, 12))
        order = np.lexsort((rng.random(len(score)), -score))[:10]
        best = np.sort(gain)[::-1][:10]
        found.append((gain[order] * discount[:len(order)]).sum() / (best * discount[:len(best)]).sum())
    return np.array(found)


def test_no_single_modality_suffices_and_each_adds(sample: Path) -> None:
    """Of the best that could be read out of them, over queries: every difference lies outside its interval."""
    shelves = [fusion._shelf(arguments(sample), number) for number in range(50)]
    truth = {line["candidate_id"]: dict(zip(ASPECTS, values, strict=True)) for shelf in shelves
             for line, values in zip(shelf.lines, shelf.scenes.values.tolist(), strict=True)}
    every = {"image", "text", "attributes"}
    of = {name: ndcg(evidence(sample, name, truth)) for name in map(frozenset, (
        every, {"image"}, {"text"}, {"attributes"}, every - {"image"}, every - {"text"}, every - {"attributes"}, ()))}
    all_ = of[frozenset(every)]
    for which, value in of.items():
        print(sorted(which), value.mean().round(3))
    weights = np.random.default_rng(1).multinomial(len(all_), np.full(len(all_), 1 / len(all_)), 500) / len(all_)
    for which, value in of.items():
        if which != every:
            low = np.quantile(weights @ (all_ - value), 0.025)
            assert low > (0.08 if len(which) < 2 else 0.02), f"{sorted(which)} alone does nearly as well"
        if which:
            assert np.quantile(weights @ (value - of[frozenset()]), 0.025) > 0.02, f"{sorted(which)} says nothing"


def test_grades_follow_the_truth(sample: Path) -> None:
    """The best grade is what meets the constraints and all wishes; a broken constraint never has more than 1."""
    rows = [row.split("\t") for row in (sample / "judgements.tsv").read_text().splitlines()[1:]]
    assert {(grade, meets) for _, _, grade, meets in rows} == {("0", "0"), ("1", "0"), *((g, "1") for g in "0123")}
    best = Counter(query for query, _, grade, _ in rows if grade == "3")
    assert len(best) == 600  # a picture that is just right stands on every slate
    starts = [float(grade) for _, _, grade, _ in rows]
    assert 0.8 < np.mean(starts) < 1.3
