"""Extract and convert of the embedding track: what is read, what is drawn, and that no judged sentence trains."""

import csv
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from embedding_data import small, write
from embedding_raw import FOLDER, Raw, in_disguise

from rankpipe import paths
from rankpipe.embedding import table
from rankpipe.embedding.convert import convert
from rankpipe.embedding.extract import extract
from rankpipe.embedding.reading import key
from rankpipe.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def made(raw: Raw, size: str = "toy") -> dict[str, Any]:
    """Runs both stages; the diagnostics."""
    raw.write()
    extract(size)
    convert(size)
    return json.loads((paths.selection(size, table.TRACK) / "diagnostics.json").read_text())


def test_the_table_holds_what_was_drawn_in_the_order_of_the_files() -> None:
    raw = Raw()
    found = made(raw)
    corpus, back = table.texts("toy"), table.held_out_texts("toy")
    assert len(corpus) == 20 and len(back) == 5 and not set(corpus) & set(back)
    assert corpus == [s for s in raw.corpus if s in corpus] and back == [s for s in raw.corpus if s in back]
    train, test = table.pairs("toy", "train"), table.pairs("toy", "test")
    assert len(train) == 10 and train.first == [p[1] for p in raw.pairs["train"] if p[1] in train.first]
    assert test.first == [p[1] for p in raw.pairs["test"]] and test.genre == ["news"] * 24
    np.testing.assert_allclose(test.score, [p[0] / 5 for p in raw.pairs["test"]], rtol=1e-6)
    assert test.score.dtype == np.float32
    triplets = table.triplets("toy")
    assert triplets and list(zip(triplets.anchor, triplets.positive, triplets.negative, strict=True)) == raw.triplets
    assert table.about("toy").rows == {"corpus": 20, "held_out": 5, "train": 10, "valid": 24, "test": 24,
                                       "triplets": 12}
    assert (found["sentences"], found["held_out"], found["took_all_sentences"]) == (20, 5, False)
    assert found["splits"]["valid"]["pairs"] == 24 and sum(found["splits"]["test"]["scores_by_fifth"]) == 24


def test_a_larger_size_holds_every_smaller_one_and_keeps_back_the_same() -> None:
    raw = Raw()
    made(raw)
    extract("full")
    convert("full")
    assert set(table.texts("toy")) < set(table.texts("full")) and len(table.texts("full")) == 55
    assert table.held_out_texts("toy") == table.held_out_texts("full")
    assert set(table.pairs("toy", "train").first) < set(table.pairs("full", "train").first)


def test_equal_bytes_whatever_the_hash_seed_and_the_order_of_columns() -> None:
    raw = Raw()
    made(raw)
    first = {p.name: p.read_bytes() for p in paths.table("toy", table.TRACK).iterdir()}
    for path in FOLDER.glob("sts-*.tsv"):
        lines = [line.split("\t")[::-1] for line in path.read_text().splitlines()]
        path.write_text("".join("\t".join(line) + "\n" for line in lines))
    for verb in ("extract", "convert"):
        done = subprocess.run([sys.executable, "-m", f"stages.{verb}", "embedding", "toy"], capture_output=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "9"}, text=True)
        assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in paths.table("toy", table.TRACK).iterdir()} == first


def test_what_is_planted_does_not_train() -> None:
    """A judged sentence in the corpus, in train's pairs and in triplets, each spelt otherwise."""
    raw = Raw()
    judged = [raw.pairs["test"][3][1], raw.pairs["valid"][4][2]]
    raw.extract["sizes"]["toy"] = {}
    raw.corpus[10:10] = [in_disguise(judged[0]), judged[1]]
    raw.pairs["train"][5] = (4, "아무 말", in_disguise(judged[1]))
    raw.triplets[2] = (raw.triplets[2][0], in_disguise(judged[0]), raw.triplets[2][2])
    found = made(raw)
    held = {key(s) for split in ("valid", "test") for p in [table.pairs("toy", split)] for s in (*p.first, *p.second)}
    triplets = table.triplets("toy")
    assert triplets
    train = table.pairs("toy", "train")
    for trained in (table.texts("toy"), table.held_out_texts("toy"), train.first, train.second, triplets.positive):
        assert trained and not held & {key(s) for s in trained}
    assert (found["sentences_of_valid_or_test"], found["train_pairs_sharing_a_sentence"],
            found["triplets_sharing_a_sentence"]) == (2, 1, 1)
    assert len(train) == 23 and len(triplets) == 11 and len(table.texts("toy")) == 55


def test_keep_lets_pairs_share_a_sentence_and_the_corpus_never() -> None:
    raw = Raw()
    raw.extract.update(shared="keep", sizes={"toy": {}})
    raw.corpus[0] = judged = raw.pairs["test"][3][1]
    raw.pairs["train"][5] = (4, judged, "아무 말")
    assert made(raw)["train_pairs_sharing_a_sentence"] == 1
    assert judged in table.pairs("toy", "train").first and judged not in table.texts("toy")


def test_convert_refuses_a_selection_that_lets_a_judged_sentence_train() -> None:
    raw = Raw()
    raw.corpus[7] = raw.pairs["test"][0][1]
    raw.write()
    extract("toy")
    path = paths.selection("toy", table.TRACK) / "corpus.npy"
    marks = np.load(path)
    assert marks[7] == 0
    marks[7] = 1
    np.save(path, marks)
    with pytest.raises(InputError, match=r"corpus\.txt: the selection takes 'test 앞 0' to train on"):
        convert("toy")
    assert not paths.table("toy", table.TRACK).exists()


def test_empty_and_repeated_sentences_are_counted_and_left_out() -> None:
    raw = Raw()
    raw.extract["sizes"]["toy"] = {}
    raw.corpus[3:3] = ["", "   ", in_disguise(raw.corpus[0])]
    found = made(raw)
    assert (found["raw_sentences"], found["empty_sentences"], found["repeated_sentences"]) == (63, 2, 1)
    assert len(set(table.texts("toy"))) == 55


def test_quotes_are_letters_in_tab_separated_files() -> None:
    """KorSTS has sentences with a lone quote, which would glue rows together."""
    raw = Raw()
    raw.pairs["test"][1] = (2, '"그는 말했다', "그녀는 '안녕' 했다")
    made(raw)
    assert len(table.pairs("toy", "test")) == 24 and table.pairs("toy", "test").first[1] == '"그는 말했다'


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_a_corpus_may_be_a_table(kind: str) -> None:
    raw = Raw()
    made(raw)
    expected = table.texts("toy"), table.held_out_texts("toy")
    path = FOLDER / f"reviews.{kind}"
    rows = [f" {sentence.replace(' ', chr(10), 1)}" for sentence in raw.corpus]
    if kind == "parquet":
        pq.write_table(pa.table({"id": list(range(len(rows))), "review": rows}), path)
    elif kind == "jsonl":
        path.write_text("".join(json.dumps({"review": row}) + "\n" for row in rows))
    else:
        with path.open("w", newline="") as file:
            csv.writer(file).writerows([("id", "review"), *enumerate(rows)])
    raw.source["corpus"] = {"path": str(path), "column": "review"}
    made(raw)
    assert (table.texts("toy"), table.held_out_texts("toy")) == expected


def test_own_pairs_train_and_only_train() -> None:
    raw = Raw()
    raw.source["own"] = {"path": str(FOLDER / "own.csv"), "first": "a", "second": "b", "score": "same", "genre": None,
                         "scale": 1}
    raw.extract.update(split="random", sizes={"toy": {}})
    FOLDER.mkdir(parents=True)
    (FOLDER / "own.csv").write_text("a,b,same\n" + "".join(f'"나의, {i}",너의 {i},{i % 2}\n' for i in range(9)))
    made(raw)
    train = table.pairs("toy", "train")
    assert train.first[-9:] == [f"나의, {i}" for i in range(9)] and train.genre[-1] == ""
    assert train.score[-9:].tolist() == [i % 2 for i in range(9)]


def test_a_random_split_shares_no_sentence_and_meets_its_shares() -> None:
    raw = Raw(pairs=200)
    for i in range(0, 200, 10):  # ten pairs that hang together, one by the next
        raw.pairs["train"][i:i + 10] = [(k % 6, f"사슬 {i} {k}", f"사슬 {i} {k + 1}") for k in range(10)]
    raw.extract.update(split="random", valid=0.1, test=0.2, sizes={"toy": {}})
    found = made(raw)
    said = {split: {s for p in [table.pairs("toy", split)] for s in (*p.first, *p.second)} for split in table.SPLITS}
    assert not said["train"] & said["valid"] | said["train"] & said["test"] | said["valid"] & said["test"]
    assert [found["splits"][split]["pairs"] for split in table.SPLITS] == [420, 60, 120]
    assert found["train_pairs_sharing_a_sentence"] == 0


def test_a_given_split_is_taken_from_its_column() -> None:
    raw = Raw()
    raw.extract.update(split="given", given="filename", sizes={"toy": {}})
    raw.write()
    for i, path in enumerate(sorted(FOLDER.glob("sts-*.tsv"))):
        path.write_text(path.read_text().replace("\tf\t", f"\t{('test', 'train', 'valid')[i]}\t"))
    extract("toy")
    convert("toy")
    assert table.pairs("toy", "test").first == [p[1] for p in raw.pairs["valid"]]  # sts-dev comes first by name
    (FOLDER / "sts-dev.tsv").write_text((FOLDER / "sts-dev.tsv").read_text().replace("\ttest\t", "\tdev\t"))
    with pytest.raises(InputError, match=r"column 'filename', row 0 .*: 'dev'; it must be train, valid or test"):
        extract("toy")


BAD: dict[str, tuple[Callable[[Raw], object], str]] = {
    "no score": (lambda r: r.pairs["test"].insert(4, ("", "가", "나")), "'score', row 4 .*: the score is missing"),
    "off the scale": (lambda r: r.pairs["train"].insert(1, (5.5, "가", "나")), "row 1 .*: the score is 5.5, off the"),
    "a word": (lambda r: r.pairs["train"].insert(1, ("high", "가", "나")), "'high' is not a number"),
    "no sentence": (lambda r: r.pairs["valid"].insert(2, (1, " ", "나")), "'sentence1', row 2 .*: the sentence is mis"),
    "no column": (lambda r: r.source["test"].update(first="sentence_1"), "did you mean 'sentence1'"),
    "no pairs": (lambda r: r.pairs["valid"].clear(), "sts-dev.tsv: has no pairs"),
    "one score": (lambda r: r.pairs.update(test=[(3, f"가{i}", f"나{i}") for i in range(5)]), "all pairs of test have"),
    "no triplets": (lambda r: r.triplets.clear(), "triplets.tsv: has no triplets"),
    "no file for valid": (lambda r: r.source.pop("valid"), "source.valid: names no file"),
    "blank corpus": (lambda r: r.corpus.__setitem__(slice(None), [" "] * 9), "corpus.txt: holds no sentence"),
    "all kept back": (lambda r: r.extract.update(held_out=60), "nothing is left to train on"),
    "all shared": (lambda r: r.pairs.update(train=r.pairs["test"]), "'train' is empty: all 24 of train's pairs share"),
    "shares": (lambda r: r.extract.update(valid=0.6, test=0.4), "leave nothing to train on"),
    "no size": (lambda r: r.extract["sizes"].pop("toy"), "no size 'toy'"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_leaves_nothing(case: str) -> None:
    change, said = BAD[case]
    raw = Raw()
    change(raw)
    raw.write()
    with pytest.raises(InputError, match=said):
        extract("toy")
    assert not Path("build").exists()


def test_a_line_that_is_not_utf8_is_named() -> None:
    raw = Raw()
    raw.write()
    lines = (FOLDER / "corpus.txt").read_bytes().splitlines(keepends=True)
    (FOLDER / "corpus.txt").write_bytes(b"".join([*lines[:7], "가".encode("cp949") + b"\n", *lines[7:]]))
    with pytest.raises(InputError, match=r"corpus\.txt: line 8 isn't UTF-8"):
        extract("toy")


@pytest.mark.parametrize("which", ["corpus", "pairs", "triplets"])
def test_files_that_changed_after_extract_are_refused(which: str) -> None:
    raw = Raw()
    raw.write()
    extract("toy")
    raw.corpus += ["새 문장"] * (which == "corpus")
    raw.pairs["test"] += [(1, "새", "문장")] * (which == "pairs")
    raw.triplets += [("새", "문장", "하나")] * (which == "triplets")
    raw.write()
    with pytest.raises(InputError, match=r"has other rows than the \d+ of the selection; run extract again"):
        convert("toy")
    assert not paths.table("toy", table.TRACK).exists()


def test_readers_refuse_what_is_missing_damaged_or_of_another_format() -> None:
    with pytest.raises(InputError, match=r"table\.json: not found"):
        table.triplets("toy")
    data = small()
    write(data)
    assert (table.texts("toy"), table.held_out_texts("toy"), table.triplets("toy")) == (
        data.texts, data.held_out, data.triplets)
    path = paths.table("toy", table.TRACK) / "valid.parquet"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match=r"valid\.parquet"):
        table.pairs("toy", "valid")
    about = paths.table("toy", table.TRACK) / table.ABOUT
    about.write_text(json.dumps({"format": 9, "rows": {}}))
    with pytest.raises(InputError, match="format 9, this version reads 1"):
        table.about("toy")


def test_real_pairs_and_reviews(real_data: Path) -> None:
    """KorSTS's own train shares 295 pairs' sentences with its dev."""
    if not (real_data / "korsts").is_dir() or not (real_data / "korean-reviews").is_dir():
        pytest.skip(f"no KorSTS or no reviews in {real_data}")
    raw = Raw()
    raw.source.update(corpus={"path": str(real_data / "korean-reviews" / "reviews_100k.parquet")},
                      train={"path": str(real_data / "korsts" / "sts-train.tsv")},
                      test={"path": str(real_data / "korsts" / "sts-dev.tsv")}, triplets=None)
    raw.extract.update(sizes={"toy": {"sentences": 10_000}}, held_out=1000)
    found = made(raw)
    assert found["raw_sentences"] == 100_000 and found["repeated_sentences"] == 265
    assert found["train_pairs_sharing_a_sentence"] == 295
    assert len(table.pairs("toy", "train")) == 5749 - 295 and len(table.pairs("toy", "test")) == 1500
    assert len(set(table.texts("toy"))) == 10_000 and table.triplets("toy") is None
