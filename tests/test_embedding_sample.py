"""The generated sentences: bytes that only the seed decides, scores that are the overlap of meaning, never of words."""

import hashlib
import json
import os
import subprocess
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from ruamel.yaml import YAML
from scipy.stats import spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer

from rankpipe.sample.__main__ import main
from rankpipe.sample.sentences import DOES, GENRES, WHAT, WHERE, WHO, changed, meaning, overlap, said, wording

ROOT = Path(__file__).resolve().parents[1]
FILES = ("corpus.txt", "sts-dev.tsv", "sts-test.tsv", "sts-train.tsv", "triplets.tsv")
# The command that docs/sample.md states for the committed sample.
SAMPLE = "embedding --seed 7"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("embedding")
    main([*SAMPLE.split(), "--out", str(out)])
    return out


def table(path: Path) -> list[dict[str, str]]:
    heading, *lines = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines()]
    return [dict(zip(heading, line, strict=True)) for line in lines]


def test_the_committed_sample_is_what_the_documented_command_writes(sample: Path) -> None:
    assert f"python -m rankpipe.sample {SAMPLE} --out data/embedding" in (ROOT / "docs" / "sample.md").read_text()
    outs = {out["path"]: out for out in YAML(typ="safe").load((ROOT / "data.dvc").read_text())["outs"]}
    stated = outs["data/embedding"]["md5"].removesuffix(".dir")
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
    main(["embedding", "--seed", "8", "--out", str(tmp_path)])
    assert (tmp_path / "corpus.txt").read_bytes() != (sample / "corpus.txt").read_bytes()


def test_any_number_is_made_and_blocks_stay_as_they_are(sample: Path, tmp_path: Path) -> None:
    main(["embedding", "--sentences", "1500", "--triplets", "7", "--out", str(tmp_path / "a")])
    main(["embedding", "--sentences", "9", "--pairs", "60", "--out", str(tmp_path / "b")])
    for name, rows in (("a/corpus.txt", 1500), ("a/triplets.tsv", 8), ("b/sts-dev.tsv", 21), ("b/sts-test.tsv", 21)):
        few, whole = (path.read_text(encoding="utf-8").splitlines()
                      for path in (tmp_path / name, sample / Path(name).name))
        assert len(few) == rows and few == whole[:rows]


@pytest.mark.parametrize("words", ["--sentences 0", "--pairs 5", "--triplets 0", "--seed -1"])
def test_a_value_out_of_range_is_one_line(words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["embedding", *words.split(), "--out", str(tmp_path / "out")])
    assert end.value.code == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and words.split()[-2] in error
    assert not (tmp_path / "out").exists()


def test_words_of_one_meaning_share_no_syllable() -> None:
    verbs = [tuple(form if isinstance(form, str) else form[0] for form in forms) for forms in DOES]
    for one, other in (pair for words in (*WHO, *WHERE, *WHAT, *verbs) for pair in combinations(words, 2)):
        assert not set(one) & set(other), (one, other)
    shared = [a for a, b in combinations([word for words in (*WHO, *WHERE, *WHAT) for word in words], 2)
              if set(a) & set(b)]
    assert len(shared) > 10  # words of different meanings do


def test_a_sentence_has_the_particles_and_endings_of_its_sounds() -> None:
    rng = np.random.default_rng(0)
    slots, how = np.array([0, 0, 0, 0, 1]), wording(rng, 1)
    first, second = WHO[0][how.words[0] % 2], WHAT[0][how.words[2] % 2]
    text = said(slots, how)
    final = (ord(first[-1]) - ord("가")) % 28 > 0
    assert f"{first}{('은' if final else '는') if how.topic else ('이' if final else '가')} " in text
    assert f"{second}{'을' if (ord(second[-1]) - ord('가')) % 28 else '를'} " in text
    assert ("안 " in text or "지 않" in text) and text.endswith(".")
    assert "안 " not in said(np.array([0, 0, 0, 0, 0]), how) and "지 않" not in said(np.array([0, 0, 0, 0, 0]), how)


def test_the_score_is_the_weighted_share_of_slots_that_agree() -> None:
    one = np.array([1, 2, 3, 4, 0])
    assert overlap(one, one) == 1 and overlap(one, one + 1) == 0
    assert overlap(one, np.array([1, 2, 3, 0, 1])) == pytest.approx(3.5 / 6)  # who and where 1, what 1.5
    rng = np.random.default_rng(1)
    for count in range(6):
        slots = meaning(rng)
        assert (changed(rng, slots, count) != slots).sum() == count


def test_pairs_have_korsts_columns_and_every_grade_in_three_genres(sample: Path) -> None:
    for name, rows in (("train", 1200), ("dev", 400), ("test", 400)):
        found = table(sample / f"sts-{name}.tsv")
        assert list(found[0]) == ["genre", "filename", "year", "id", "score", "sentence1", "sentence2"]
        assert len(found) == rows and {row["genre"] for row in found} == set(GENRES)
        scores = [float(row["score"]) for row in found]
        assert min(scores) == 0 and max(scores) == 5
        assert np.histogram(scores, 5)[0].min() > rows / 12


def test_real_habits_some_judged_sentences_stand_in_what_trains(sample: Path) -> None:
    judged = {row[key] for name in ("dev", "test") for row in table(sample / f"sts-{name}.tsv")
              for key in ("sentence1", "sentence2")}
    corpus = (sample / "corpus.txt").read_text(encoding="utf-8").splitlines()
    assert 10 < sum(line in judged for line in corpus) < 100
    assert 20 < sum(row["sentence1"] in judged for row in table(sample / "sts-train.tsv")) < 100
    assert 0 < corpus.count("") < 40 and len(set(corpus)) < len(corpus)


def read(text: str) -> set[tuple[str, int]]:
    """What a sentence means, as somebody reads it who knows the words: the longest that begins each of its parts."""
    known = {word: (slot, value) for slot, table in (("who", WHO), ("where", WHERE), ("what", WHAT))
             for value, words in enumerate(table) for word in words}
    for value, forms in enumerate(DOES):
        for form in forms:
            known |= dict.fromkeys((form,) if isinstance(form, str) else form, ("does", value))
    found = {("denied", int("안 " in text or "지 않" in text))}
    for part in text.split():
        word = max((word for word in known if part.startswith(word)), key=len, default=None)
        found |= {known[word]} if word else set()
    return found


def test_meaning_can_be_read_and_shared_characters_tell_little_of_it(sample: Path) -> None:
    rows = table(sample / "sts-test.tsv")
    scores = [float(row["score"]) for row in rows]
    one, other = ([row[key] for row in rows] for key in ("sentence1", "sentence2"))
    shared = [len(read(a) & read(b)) / len(read(a) | read(b)) for a, b in zip(one, other, strict=True)]
    tfidf = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 2)).fit(
        (sample / "corpus.txt").read_text(encoding="utf-8").splitlines())
    cosine = np.asarray(tfidf.transform(one).multiply(tfidf.transform(other)).sum(1)).ravel()
    assert spearmanr(shared, scores)[0] > 0.95
    assert 0.3 < spearmanr(cosine, scores)[0] < 0.55


def test_a_negative_is_worded_as_its_anchor_and_the_positive_means_the_same(sample: Path) -> None:
    rows = table(sample / "triplets.tsv")
    assert len(rows) == 600
    alike, same = [], []
    for row in rows:
        letters = [set(row[key]) for key in ("anchor", "positive", "negative")]
        alike.append(len(letters[0] & letters[2]) > len(letters[0] & letters[1]))
        same.append(read(row["anchor"]) == read(row["positive"]) != read(row["negative"]))
    assert np.mean(alike) > 0.7 and np.mean(same) > 0.97
