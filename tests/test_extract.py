"""Samples are nested, in proportion and the same wherever they are drawn; splits share no row."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tables import columns, workspace, write_params

from rankpipe import paths
from rankpipe.ctr.extract import extract
from rankpipe.data.sampling import allocate, draw, keys
from rankpipe.errors import InputError
from rankpipe.io.json import read_json


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return workspace(tmp_path)


KEYS = [7566431882932187186, 13904417809920186727]


def run(size: str) -> tuple[np.ndarray, dict[str, Any]]:
    extract(size)
    folder = paths.selection(size, "ctr")
    return np.load(folder / "selection.npy"), read_json(folder / "diagnostics.json")


@settings(max_examples=200, deadline=None)
@given(sizes=st.lists(st.integers(0, 400), min_size=1, max_size=20), a=st.floats(0, 1), b=st.floats(0, 1),
       seed=st.integers(0, 1000))
def test_allocation_is_exact_in_proportion_and_never_shrinks(sizes: list[int], a: float, b: float, seed: int) -> None:
    counts, offsets = np.array(sizes), np.random.default_rng(seed).random(len(sizes))
    few, many = sorted((round(a * counts.sum()), round(b * counts.sum())))
    small, large = allocate(counts, few, offsets), allocate(counts, many, offsets)
    assert small.sum() == few and large.sum() == many
    assert (small <= large).all() and (large <= counts).all() and (small >= 0).all()
    # One rate for all: no row that was taken was due later than one that wasn't.
    taken, left = small > 0, small < counts
    last = ((small - 1 + offsets) / np.maximum(counts, 1))[taken].max(initial=0)
    following = ((small + offsets) / np.maximum(counts, 1))[left].min(initial=2)
    assert last <= following + 1e-9


def test_keys_look_random_and_differ_by_purpose_and_seed() -> None:
    rows = np.arange(20_000)
    a, b, c = keys(1, "sample", rows), keys(1, "split", rows), keys(2, "sample", rows)
    assert len(np.unique(a)) == len(rows)
    for key in (a, b, c):
        assert abs((key / 2**64).mean() - 0.5) < 0.01
        assert abs(np.corrcoef(rows, key / 2**64)[0, 1]) < 0.03
    assert abs(np.corrcoef(a / 2**64, b / 2**64)[0, 1]) < 0.03
    assert abs(np.corrcoef(a / 2**64, c / 2**64)[0, 1]) < 0.03
    # Written down, so that a change of the hash can't pass unseen: it would change every sample.
    assert keys(7, "sample", np.arange(2)).tolist() == KEYS


def test_rare_strata_are_taken_as_often_as_others() -> None:
    words = [(str(i),) for i in range(300)]
    strata = np.repeat(np.arange(300, dtype=np.uint16), 1)  # 300 strata of one row
    strata = np.concatenate([strata, np.zeros(3000, np.uint16)])
    singles = [draw(strata, words, 330, seed)[1:300].sum() for seed in range(40)]
    assert 25 < np.mean(singles) < 35  # a tenth of 299


def test_sizes_are_nested_in_proportion_and_say_so(here: Path) -> None:
    toy, of_toy = run("toy")
    medium, of_medium = run("medium")
    full, of_full = run("full")
    assert [int((m > 0).sum()) for m in (toy, medium, full)] == [200, 600, 1000]
    assert ((toy > 0) <= (medium > 0)).all()
    assert np.bincount(toy)[1:].tolist() == [100, 40, 60] and np.bincount(full)[1:].tolist() == [800, 100, 100]
    assert not of_toy["took_all"] and of_full["took_all"] and of_medium["requested_rows"] == 600
    raw = columns(1000)
    clicked, day = np.array(raw["clicked"]), np.array(raw["day"])
    for marks, said in ((toy, of_toy), (medium, of_medium), (full, of_full)):
        for mark, name in ((1, "train"), (2, "valid"), (3, "test")):
            inside, split = marks == mark, said["splits"][name]
            assert split["rows"] == inside.sum() and split["positives"] == clicked[inside].sum()
            assert split["label_rate"] == pytest.approx(clicked.mean(), abs=0.035)
            assert split["distribution"]["day"] == {d: int((day[inside] == d).sum()) for d in sorted(set(day))}
            for word, n in split["distribution"]["day"].items():
                assert n == pytest.approx((day == word).mean() * inside.sum(), abs=3.01)
            users = set(np.array(raw["user"])[inside])
            assert split["groups"]["distinct"] == len(users)
            assert sum(split["groups"]["largest"].values()) <= split["rows"]


def test_the_same_seed_gives_the_same_bytes_and_another_one_others(here: Path) -> None:
    first, _ = run("toy")
    files = {p.name: p.read_bytes() for p in paths.selection("toy", "ctr").iterdir()}
    run("toy")
    assert {p.name: p.read_bytes() for p in paths.selection("toy", "ctr").iterdir()} == files
    write_params(here, seed=8)
    other, _ = run("toy")
    assert 20 < ((first > 0) & (other > 0)).sum() < 65  # 40 expected of unrelated samples


def test_row_groups_and_order_of_reading_change_nothing(here: Path) -> None:
    whole, _ = run("toy")
    workspace(here, row_group=37)
    assert (run("toy")[0] == whole).all()


def test_a_size_larger_than_the_table_takes_all_and_says_so(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workspace(here, ctr__extract__sizes={"toy": {"rows": 5000}})
    marks, said = run("toy")
    assert (marks > 0).all() and said["took_all"] and said["requested_rows"] == 5000
    assert "asks for 5000 rows" in capsys.readouterr().out


def held_out(test: str, valid: str) -> dict[str, Any]:
    return {"ctr__extract__split": "group", "ctr__extract__group": {"column": "day", "test": [test], "valid": [valid]}}


def test_named_groups_are_held_out(here: Path) -> None:
    write_params(here, **held_out(test="7", valid="6"))
    marks, said = run("medium")
    day = np.array(columns(1000)["day"])
    assert set(day[marks == 3]) == {"7"} and set(day[marks == 2]) == {"6"}
    assert set(day[marks == 1]) == set("12345")
    assert said["splits"]["test"]["groups"]["distinct"] == 1
    write_params(here, **held_out(test="8", valid="6"))
    with pytest.raises(InputError, match=r"group\.test: no row .* has day = '8'"):
        extract("medium")
    write_params(here, **held_out(test="6", valid="6"))
    with pytest.raises(InputError, match="'6' is held out for valid and test"):
        extract("medium")


def test_groups_are_drawn_where_none_are_named(here: Path) -> None:
    write_params(here, ctr__extract__split="group")
    marks, said = run("full")
    user = np.array(columns(1000)["user"])
    held = [set(user[marks == m]) for m in (1, 2, 3)]
    assert not held[0] & held[1] and not held[0] & held[2] and not held[1] & held[2]
    assert said["splits"]["test"]["groups"]["column"] == "user"
    assert 100 <= (marks == 3).sum() < 140 and 100 <= (marks == 2).sum() < 140


def test_the_tail_is_the_newest_rows(here: Path) -> None:
    write_params(here, ctr__extract__split="tail")
    marks, _ = run("medium")
    at = np.array(columns(1000)["at"])
    assert at[marks == 1].max() < at[marks == 2].min() and at[marks == 2].max() < at[marks == 3].min()
    assert [(marks == m).sum() for m in (1, 2, 3)] == [480, 60, 60]


def test_the_tail_is_the_end_of_the_file_where_there_is_no_time(here: Path) -> None:
    schema = {"label": "clicked", "numeric": ["x_1"]}
    write_params(here, ctr__extract__split="tail", ctr__schema=schema)
    marks, _ = run("full")
    assert marks.tolist() == [1] * 800 + [2] * 100 + [3] * 100


def test_a_given_split_is_followed(here: Path) -> None:
    words = ["train", "valid", "test", "train", "train"] * 200
    for heading in ("", "my_split\n"):
        (here / "split.csv").write_text(heading + "\n".join(words) + "\n")
        write_params(here, ctr__extract__split="given", ctr__extract__given="split.csv")
        assert run("full")[0].tolist() == [1, 2, 3, 1, 1] * 200
    chosen = run("toy")[0]
    assert (chosen > 0).sum() == 200 and (chosen[chosen > 0] == np.array([1, 2, 3, 1, 1] * 200)[chosen > 0]).all()


@pytest.mark.parametrize(("lines", "said"), [
    (["train"] * 999, "split.csv: 999 words for the 1000 rows"), (["train"] * 1002, "1002 words for the 1000 rows"),
    (["train"] * 500 + ["tset"] + ["test"] * 499, "split.csv: line 501: 'tset'"),
    (["tran"] + ["train"] * 999, "split.csv: line 1: 'tran'"), (["train"] * 500 + ["valid"] * 500, "'test' is empty"),
])
def test_a_given_split_that_does_not_fit(here: Path, lines: list[str], said: str) -> None:
    (here / "split.csv").write_text("\n".join(lines))
    write_params(here, ctr__extract__split="given", ctr__extract__given="split.csv")
    with pytest.raises(InputError) as caught:
        extract("full")
    assert said in str(caught.value)
    assert not paths.selection("full", "ctr").exists()
