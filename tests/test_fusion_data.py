"""From raw files to the data set: splits free of leaks, codes, the starting order, and every fault in one line."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fusion_data import planted, ragged
from fusion_raw import FOLDER, SPLITS, Shop, made

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.fusion.convert import convert
from rankpipe.fusion.dataset import read
from rankpipe.fusion.extract import extract
from rankpipe.fusion.table import write
from rankpipe.io.atomic import atomic_folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def everything(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_table_by_hand() -> None:
    shop = Shop()
    shop.candidates[0].update(image=None, attributes={"legs": 4.0, "new": True, "colour": ""})
    shop.candidates[1].pop("text")
    shop.queries[0]["constraints"] = {"colour": "green"}
    data, found = made(shop)
    c, q, s = data.candidates, data.queries, data.slates
    assert c.ids == sorted(x["candidate_id"] for x in shop.candidates) and q.ids == sorted(q.ids)
    assert c.attributes == {"colour": ["blue", "green", "red"], "legs": ["0", "1", "2", "3", "4"], "new": ["true"]}
    assert c.codes[:3].tolist() == [[-1, 4, 0], [0, 1, -1], [2, 2, -1]]
    assert c.images[:2] == [None, "images/01.png"] and c.texts[1] is None and c.texts[0] == shop.candidates[0]["text"]
    assert c.popularity[:5].tolist() == [0, 1, 2, 3, 1]
    assert q.constraints[:2].tolist() == [[1, -1, -1], [2, -1, -1]] and q.texts[3] == "thing 1 of kind 1"
    assert [c.ids[i] for i in s.candidates[:4]] == ["c02", "c00", "c03", "c01"]  # as the file lists them
    assert s.grades[:8].tolist() == [2, 0, 3, 1, 3, 1, 0, 2] and s.starts[:5].tolist() == [0, 1, 2, 3, 0]
    assert s.meets is not None and s.meets[:8].tolist() == [True, True, True, True, True, True, False, False]
    assert {name: len(q.of(name)) for name in SPLITS} == {"train": 8, "valid": 4, "test": 4}
    assert len(np.unique(c.groups)) == 32
    assert found["images_not_named"] == 1 and found["texts_missing"] == 1 and found["components"] == 8
    assert found["splits"]["train"]["judgements"] == 32 and sum(found["splits"]["test"]["grades"].values()) == 16


def test_the_order_of_lines_and_keys_decides_nothing_but_the_starting_order() -> None:
    shop = Shop()
    made(shop)
    before = everything(paths.table("full", "fusion"))
    rng = random.Random(0)
    for rows in (shop.queries, shop.candidates):
        rng.shuffle(rows)
        rows[:] = [dict(rng.sample(sorted(row.items()), len(row))) for row in rows]
    shop.judgements.sort(key=lambda row: row[0][::-1])  # stable: within a query as before
    made(shop)
    assert everything(paths.table("full", "fusion")) == before
    shop.judgements.reverse()
    data, _ = made(shop)
    after = everything(paths.table("full", "fusion"))
    assert {name for name in after if after[name] != before[name]} == {"slates.h5"}
    assert [data.candidates.ids[i] for i in data.slates.candidates[:4]] == ["c01", "c03", "c00", "c02"]


def test_threads_decide_nothing() -> None:
    made(Shop())
    before = everything(Path("build"))
    values = json.loads(Path("params.yaml").read_text())
    values["jobs"]["workers"] = 3
    Path("params.yaml").write_text(json.dumps(values))
    extract("full")
    convert("full")
    assert everything(Path("build")) == before


def test_a_size_holds_a_smaller_one_and_as_much_of_the_catalogue_as_it_says() -> None:
    shop = Shop()
    shop.candidates += [{"candidate_id": f"x{i}", "sold": 0} for i in range(30)]
    sizes = {"small": {"queries": 6, "candidates": 40}, "large": {"queries": 10}}
    small, found = made(shop, "small", sizes=sizes, crossing="drop")
    assert len(small.queries) + sum(found["dropped_queries"].values()) == 6
    assert len(small.candidates) == 40 and (small.candidates.groups >= 0).sum() == found["judged_candidates"]
    extract("large")
    convert("large")
    large = read("large")
    assert set(small.queries.ids) <= set(large.queries.ids) and len(large.candidates) == 62
    assert not json.loads((paths.selection("large", "fusion") / "diagnostics.json").read_text())["took_all"]


def test_missing_images_are_masked_and_counted_and_broken_ones_named() -> None:
    shop = Shop()
    shop.candidates[0].pop("image")
    shop.candidates[1]["image"] = "images/none.png"
    _, found = made(shop)
    assert (found["images_not_named"], found["images_not_there"]) == (1, 1)
    whole = (FOLDER / "images/12.png").read_bytes()
    (FOLDER / "images/12.png").write_bytes(whole[:len(whole) // 2])
    with pytest.raises(InputError, match=r"data/fusion/images/12\.png: not a whole image"):
        extract("full")


def test_the_reader_refuses_damage_and_mixed_runs() -> None:
    with pytest.raises(InputError, match="run convert"):
        read("full")
    made(Shop())
    folder = paths.table("full", "fusion")
    with atomic_folder(paths.table("other", "fusion")) as other:
        write(other, planted().data)
    (paths.table("other", "fusion") / "slates.h5").replace(folder / "slates.h5")
    with pytest.raises(InputError, match="different runs"):
        read("full")
    (folder / "queries.h5").write_bytes((folder / "queries.h5").read_bytes()[:3000])
    with pytest.raises(InputError, match=r"queries\.h5: damaged"):
        read("full")


def test_compliance_by_judgement_or_else_by_attributes() -> None:
    shop = Shop()
    shop.candidates[0]["attributes"].pop("colour")
    data, _ = made(shop)
    assert data.complies()[:8].tolist() == [True] * 6 + [False] * 2
    shop.judgements = [row[:3] for row in shop.judgements]
    shop.write()
    (FOLDER / "judgements.tsv").write_text("query_id\tcandidate_id\tgrade\n" + "".join(
        "\t".join(map(str, row)) + "\n" for row in shop.judgements))
    extract("full")
    convert("full")
    data = read("full")
    assert data.slates.meets is None
    assert data.complies()[:8].tolist() == [True] * 5 + [False, False, False]  # c02 is red; c00's colour is a gap


def test_without_a_column_popularity_is_what_train_says() -> None:
    shop = Shop()
    shop.write()
    values = json.loads(Path("params.yaml").read_text())
    values["fusion"]["source"]["popularity"] = None
    Path("params.yaml").write_text(json.dumps(values))
    extract("full")
    convert("full")
    data = read("full")
    train = data.judged("train")
    assert data.candidates.popularity[train].tolist() == [1, 3, 5, 3] * (len(train) // 4)
    assert not np.delete(data.candidates.popularity, train).any()


def test_ragged_slates() -> None:
    data = ragged(planted(6, 4).data, np.array([1, 2, 3, 4, 9, 1]))
    taken = data.slates.take(np.array([4, 0, 2]))
    assert taken.offsets.tolist() == [0, 4, 5, 8]
    assert taken.candidates.tolist() == [16, 17, 18, 19, 0, 8, 9, 10]
    assert taken.queries.tolist() == [0] * 4 + [1] + [2] * 3 and taken.starts.tolist() == [0, 1, 2, 3, 0, 0, 1, 2]


def line(name: str, number: int, **change: Any) -> Callable[[Shop], None]:
    return lambda shop: getattr(shop, name)[number].update(change)


def judged(*row: Any) -> Callable[[Shop], None]:
    return lambda shop: shop.judgements.insert(5, row)


BAD: list[tuple[Callable[[Shop], None], str]] = [
    (judged("q99", "c00", 1, 0), "column 'query_id', row 5 (the first is 0): no line of data/fusion/queries.jsonl has "
     "the id q99"),
    (judged("q00", "c99", 1, 0), "column 'candidate_id', row 5 (the first is 0): no line of data/fusion/candidates"),
    (judged("q30", "c00", 4, 0), "row 5 (the first is 0): grade is 4; it must be a whole number from 0 to 3"),
    (judged("q30", "c00", -1, 0), "grade is -1"), (judged("q30", "c00", 1.5, 0), "grade is 1.5"),
    (judged("q30", "c00", "", 0), "grade is missing"), (judged("q30", "c00", "good", 0), "'good' is not a number"),
    (judged("q30", "c00", 1, 2), "meets is 2; it must be a whole number from 0 to 1"),
    (judged("q00", "c01", 1, 0), "row 5 (the first is 0): candidate c01 is judged for query q00 in row 3 already"),
    (judged("", "c01", 1, 0), "column 'query_id', row 5 (the first is 0): the id is missing"),
    (line("queries", 3, query_id="q00"), "queries.jsonl: line 4: query_id q00 stands on line 1 already"),
    (line("queries", 3, query_id=None), "queries.jsonl: line 4: query_id is None; each line needs an id"),
    (line("queries", 3, text=""), "queries.jsonl: line 4: text is ''; each line needs one"),
    (line("queries", 3, text=7), "queries.jsonl: line 4: text is 7; expected text"),
    (line("queries", 3, constraints=["red"]), "line 4: constraints is ['red']; expected a map"),
    (line("candidates", 3, attributes={"a": [1]}), "candidates.jsonl: line 4: attributes.a is [1]; expected text"),
    (line("candidates", 3, sold=None), "line 4: sold is None; expected a finite number"),
    (line("candidates", 3, image="../secret.png"), "line 4: image '../secret.png' leads out of the folder"),
    (line("candidates", 3, image="/etc/secret.png"), "line 4: image '/etc/secret.png' leads out of the folder"),
    (line("candidates", 3, image="images/../../x.png"), "leads out of the folder"),
    (line("candidates", 3, candidate_id="c00"), "candidates.jsonl: line 4: candidate_id c00 stands on line 1 already"),
    (lambda shop: shop.candidates[3].pop("candidate_id"), "line 4: candidate_id is missing"),
    (lambda shop: shop.judgements.clear(), "judgements.tsv: no query has two candidates judged"),
]


@pytest.mark.parametrize(("change", "said"), BAD, ids=[said[-40:] for _, said in BAD])
def test_a_bad_line_is_one_line(change: Callable[[Shop], None], said: str) -> None:
    shop = Shop()
    change(shop)
    with pytest.raises(InputError) as caught:
        made(shop)
    assert said in str(caught.value) and "data/fusion/" in str(caught.value)
    assert not Path("build/full/fusion/selection").exists()


@pytest.mark.parametrize(("changes", "said"), [
    ({"split": "given"}, "params.yaml: fusion.extract.given: name the key"),
    ({"split": "given", "given": "splt"}, "query q00: splt is None; it must be train, valid or test"),
    ({"valid": 0.5, "test": 0.5}, "leave nothing to train on"),
    ({"near": {"text": 0}}, "fusion.extract.near.text: 0.0 is out of range"),
    ({"crossing": "dorp"}, "'dorp' is not a choice; did you mean 'drop'?"),
])
def test_a_bad_parameter_is_one_line(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        made(Shop(), **changes)
    assert said in str(caught.value)


@pytest.mark.parametrize("name", ["queries.jsonl", "candidates.jsonl", "judgements.tsv"])
def test_convert_refuses_files_of_another_length_than_the_selection(name: str) -> None:
    shop = Shop()
    shop.write()
    extract("full")
    shop.queries.append({"query_id": "new", "text": "new"})
    shop.candidates.append({"candidate_id": "new", "sold": 0})
    shop.judgements.append(("q00", "c10", 1, 0))
    kept = {other: (FOLDER / other).read_bytes() for other in ("queries.jsonl", "candidates.jsonl", "judgements.tsv")}
    shop.write()
    for other in kept.keys() - {name}:
        (FOLDER / other).write_bytes(kept[other])
    with pytest.raises(InputError, match=f"{name}: has .* rows and the selection .*; run extract again"):
        convert("full")
    assert not paths.table("full", "fusion").exists()
