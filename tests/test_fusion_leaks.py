"""Splits free of leaks: planted duplicates, whatever the judgements, and a reader that refuses what leaks."""

from pathlib import Path

import numpy as np
import pytest
from fusion_data import planted
from fusion_raw import SPLITS, Shop, made
from hypothesis import given as drawn
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from rankpipe import paths
from rankpipe.data.splits import TEST, TRAIN, VALID
from rankpipe.errors import InputError
from rankpipe.fusion.dataset import Dataset, check, read
from rankpipe.fusion.splits import Asked, by_query, crossing, together
from rankpipe.fusion.table import write
from rankpipe.io.atomic import atomic_folder


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def of(data: Dataset, candidate: str) -> str:
    """The split whose slates hold the candidate."""
    code = data.candidates.ids.index(candidate)
    [split] = [name for name in SPLITS if code in data.judged(name)]
    return split


def copied(shop: Shop, of: str, to: str) -> None:
    """Candidate ``to`` gets another size and lossy copy of the image of ``of``."""
    picture = Image.fromarray(shop.images[f"images/{of}.png"]).resize((90, 80))
    picture.save("copy.jpg", quality=60)
    shop.images[f"images/{to}.png"] = np.asarray(Image.open("copy.jpg"))


def test_a_near_duplicate_image_never_crosses() -> None:
    """Without its copies the two shelves are of two splits; with one, all their queries are of one."""
    data, _ = made(Shop())
    other = next(f"c{k}0" for k in range(1, 8) if of(data, f"c{k}0") != of(data, "c00"))
    shop = Shop()
    copied(shop, "00", other[1:])
    data, found = made(shop)
    assert of(data, other) == of(data, "c00")
    assert found["near_duplicates"]["by_image"] == 2 and found["components"] == 7
    check(data, "x")


def test_near_duplicate_texts_and_equal_queries_never_cross() -> None:
    shop = Shop()
    shop.candidates[0]["text"] = "The finest lamp, chair, table and vase that you will find in any shop!"
    shop.candidates[28]["text"] = "the finest lamp chair table and vase that you will find in any shop"
    shop.queries[4]["text"], shop.queries[12]["text"] = "Something Blue?", "something blue"
    data, found = made(shop)
    assert of(data, "c00") == of(data, "c70") and found["near_duplicates"]["by_text"] == 2
    assert data.queries.split[4] == data.queries.split[12]
    assert found["components"] == 6


def test_a_given_split_that_leaks_is_refused_or_loses_what_crosses_from_train() -> None:
    shop = Shop()
    copied(shop, "00", "30")  # shelf 0 is train, shelf 3 test
    with pytest.raises(InputError, match=r"queries q00 and q30 apart, which judge the same candidate or near-dup"):
        made(shop, split="given", given="split")
    data, found = made(shop, split="given", given="split", crossing="drop")
    assert found["dropped_judgements"] == {"train": 2, "valid": 0, "test": 0}
    code = data.candidates.ids.index
    assert code("c00") not in data.judged("train") and code("c30") in data.judged("test")
    assert data.slates.lengths[:2].tolist() == [3, 3]


def test_one_catalogue_for_all_queries_can_only_drop() -> None:
    shop = Shop()
    shop.judgements += [(query["query_id"], f"c{k}0", 1, 0) for query in shop.queries for k in range(8)
                        if query["query_id"][1] != str(k)]
    with pytest.raises(InputError, match=r"16 of them hang together.* fusion\.extract\.crossing to drop"):
        made(shop)
    data, found = made(shop, crossing="drop")
    assert found["dropped_judgements"]["test"] == 0 < found["dropped_judgements"]["valid"]
    check(data, "x")


def test_a_split_left_without_queries_is_refused() -> None:
    shop = Shop()
    shop.judgements = [row for row in shop.judgements if row[0][1] not in "37" or row[1][2] == "0"]
    with pytest.raises(InputError, match="'test' is empty"):
        made(shop, split="given", given="split")


def leaking(data: Dataset) -> Dataset:
    """A candidate of test is a near-duplicate of one of train, and nobody has noticed."""
    groups = data.candidates.groups.copy()
    groups[-1] = groups[0]
    candidates = type(data.candidates)(**{**vars(data.candidates), "groups": groups})
    return Dataset(candidates, data.queries, data.slates)


def test_the_reader_refuses_a_leaking_table() -> None:
    data = planted().data
    for case, said in ((data, None), (leaking(data), "near-duplicates, stand in slates of train and of test")):
        with atomic_folder(paths.table("full", "fusion")) as folder:
            write(folder, case)
        if said is None:
            assert (read("full").slates.candidates == data.slates.candidates).all()
            continue
        with pytest.raises(InputError, match=said):
            read("full")


@settings(max_examples=60, deadline=None)
@drawn(st.integers(0, 2**32), st.integers(12, 40), st.integers(1, 60))
def test_no_group_ever_crosses_whatever_the_judgements(seed: int, n_queries: int, n_groups: int) -> None:
    rng = np.random.default_rng(seed)
    rows = rng.integers(0, 3 * n_queries)
    asked = Asked([f"q{i}" for i in range(n_queries)], np.arange(n_queries),
                  rng.integers(0, n_queries, rows).astype(np.int32), rng.integers(0, n_groups, rows))
    marks = by_query(asked, 0.2, 0.2, seed % 97)
    kept = ~crossing(asked, marks)
    for split, above in ((TRAIN, (VALID, TEST)), (VALID, (TEST,)), (TEST, ())):
        mine = set(asked.groups[kept & (marks[asked.queries] == split)].tolist())
        for other in {TRAIN, VALID, TEST} - {split}:
            assert not mine & set(asked.groups[kept & (marks[asked.queries] == other)].tolist())
        assert split != TEST or kept[marks[asked.queries] == TEST].all()
        assert not above or above[-1] == TEST
    try:
        marks = together(asked, 0.2, 0.2, seed % 97)
    except InputError:
        return
    assert not crossing(asked, marks).any()
