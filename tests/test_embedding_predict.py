"""Predict, search, push and the predictor of embedding, on small encoders of random weights."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import embedding_judged
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from embedding_data import small
from embedding_encoders import encoder, moved
from ruamel.yaml import YAML

from rankpipe import paths
from rankpipe.embedding import search
from rankpipe.embedding.encoder import load, save
from rankpipe.embedding.evaluate import evaluate
from rankpipe.embedding.predict import Predict, embed, predict
from rankpipe.embedding.push import push
from rankpipe.embedding.scores import best_run
from rankpipe.embedding.store import Store, writer
from rankpipe.embedding.table import texts
from rankpipe.errors import InputError
from rankpipe.hub import Predictor

OUT = Path("build/toy/embedding/predictions")
BUNDLE = Path("build/toy/embedding/bundle")
SENTENCES = small(8).texts


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        embedding_judged.encoders(embedding_judged.scene(folder))
        raw = Path("data/embedding")
        raw.mkdir(parents=True)
        for name in ("corpus.txt", "pairs.tsv"):
            (raw / name).write_text("한 줄.\n", encoding="utf-8")
        change(folder, source={"corpus": {"path": f"{raw}/corpus.txt"}, "train": {"path": f"{raw}/pairs.tsv"}},
               predict={}, push={})
        evaluate("toy")
    return folder


@pytest.fixture
def scene(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def change(folder: Path, **blocks: Any) -> None:
    """Sets blocks under ``embedding`` of params.yaml."""
    path = folder / "params.yaml"
    values = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    values["embedding"].update(blocks)
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(values, file)


def vectors(kind: str = "h5") -> np.ndarray:
    return np.concatenate(list(Store(OUT, kind).blocks()))


def test_the_corpus_is_embedded_by_the_run_that_is_best_on_valid(scene: Path) -> None:
    predict("toy")
    of = search.about(OUT)
    assert of.model == "supervised" and of.folder == best_run("toy", "supervised").as_posix()
    held = texts("toy")
    assert of.rows == len(held) and vectors() == pytest.approx(load(of.folder).encode(held), abs=1e-6)
    assert Store(OUT, "h5").sentences(np.array([0, 5])) == {0: (0, held[0]), 5: (5, held[5])}
    before = {p.name: p.read_bytes() for p in OUT.iterdir()}
    predict("toy")
    assert before == {p.name: p.read_bytes() for p in OUT.iterdir()}


@pytest.mark.parametrize("kind", ["h5", "parquet"])
def test_a_file_keeps_its_rows_and_its_blank_ones_have_no_vector(scene: Path, kind: str) -> None:
    lines = [SENTENCES[0], "", "  ", *SENTENCES[1:6]]
    Path("more.txt").write_text("\n".join(lines), encoding="utf-8")
    change(scene, predict={"texts": {"path": "more.txt"}, "format": kind, "block_rows": 2, "model": "base"})
    predict("toy")
    held = Store(OUT, kind).sentences(np.arange(6))
    assert [held[i] for i in range(6)] == [(row, line) for row, line in enumerate(lines) if line.strip()]
    assert vectors(kind) == pytest.approx(load(search.about(OUT).folder).encode(SENTENCES[:6]), abs=1e-6)
    hit = search.found(OUT, load(search.about(OUT).folder).encode([SENTENCES[3]]), 2)[0][0]
    assert (hit.row, hit.text) == (5, SENTENCES[3]) and hit.score == pytest.approx(1, abs=1e-5)


def test_no_more_than_a_block_is_in_memory(tmp_path: Path) -> None:
    made, drawn, widest = encoder(SENTENCES), 0, 0

    def blocks() -> Iterator[list[str]]:
        nonlocal drawn
        for i in range(40):
            drawn += 3
            yield [SENTENCES[i], SENTENCES[i + 1], ""]

    seen, encode = 0, made.encode

    def watched(part: list[str], *rest: Any) -> np.ndarray:
        nonlocal seen, widest
        widest, seen = max(widest, drawn - seen * 3 // 2), seen + len(part)
        return encode(part, *rest)

    made.encode = watched  # type: ignore[method-assign]
    assert embed(tmp_path, made, blocks(), Predict(block_rows=8), "embed") == 80
    assert widest <= 14


def test_search_finds_what_the_cosines_say_with_and_without_a_graph(scene: Path) -> None:
    """A base whose vectors aren't of length 1."""
    save(encoder(SENTENCES, unit=False), paths.model("toy", "embedding", "base") / "all")
    asked = load(paths.model("toy", "embedding", "base") / "all").encode(SENTENCES[-3:])
    for kind in ("exact", "approximate"):
        change(scene, predict={"model": "base", "search": {"kind": kind}})
        predict("toy")
        all_of = vectors()
        assert np.ptp(np.linalg.norm(all_of, axis=1)) > 1e-3
        cosine = (asked / np.linalg.norm(asked, axis=1)[:, None]) @ (all_of / np.linalg.norm(all_of, axis=1)[:, None]).T
        hits = search.found(OUT, asked, 4)
        assert [[hit.row for hit in line] for line in hits] == np.argsort(-cosine, 1)[:, :4].tolist()
        assert [hit.score for hit in hits[0]] == pytest.approx(np.sort(cosine[0])[:-5:-1].tolist(), abs=1e-5)
    assert (OUT / search.INDEX).is_file()


def test_the_command_prints_the_nearest_and_refuses_another_model(
        scene: Path, capsys: pytest.CaptureFixture[str]) -> None:
    predict("toy")
    search.main([str(OUT), SENTENCES[4], "--top", "2"])
    first, second = capsys.readouterr().out.splitlines()
    assert first == f"1.0000  row 4  {SENTENCES[4]}" and second.startswith("0.")
    for words, message in ((["--model", "nowhere"], "not found; run from the repository root"),
                           (["--model", "build/toy/embedding/models/base/all"], "not the file of the encoder"),
                           (["--top", "0"], "--top of at least 1")):
        with pytest.raises(SystemExit):
            search.main([str(OUT), "책", *words])
        assert message in capsys.readouterr().err


def test_damage_is_one_line(scene: Path) -> None:
    change(scene, predict={"search": {"kind": "approximate"}})
    predict("toy")
    asked = np.ones((1, 16), np.float32)
    with pytest.raises(InputError, match="holds vectors of 16 numbers, the query has 3"):
        search.found(OUT, asked[:, :3], 1)
    index = OUT / search.INDEX
    index.write_bytes(index.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"index\.faiss: missing or damaged"):
        search.found(OUT, asked, 1)
    change(scene, predict={"texts": {"path": "empty.txt"}})
    Path("empty.txt").write_text("\n \n")
    with pytest.raises(InputError, match=r"empty\.txt: holds no sentences"):
        predict("toy")
    assert index.is_file(), "the old predictions stay"
    change(scene, predict={"model": "tfidf"})
    with pytest.raises(InputError, match="no model 'tfidf' was judged at size toy that can be chosen"):
        predict("toy")
    change(scene, predict={"model": "base"})
    save(moved(encoder(SENTENCES), by=float("nan")), paths.model("toy", "embedding", "base") / "all")
    with pytest.raises(InputError, match="is no number; train the model again"):
        predict("toy")


def test_a_store_of_no_blocks_holds_nothing(tmp_path: Path) -> None:
    for kind in ("h5", "parquet"):
        with writer(tmp_path, kind, 4):
            pass
        assert list(Store(tmp_path, kind).blocks()) == [] and Store(tmp_path, kind).sentences(np.zeros(0, int)) == {}
    assert pq.read_schema(tmp_path / "vectors.parquet").names == ["row", "text", "vector"]


def test_the_bundle_is_a_model_of_sentence_transformers(scene: Path) -> None:
    from sentence_transformers import SentenceTransformer

    push("toy")
    predictor = Predictor.from_pretrained(BUNDLE)
    frame, expected = predictor.sample()
    assert predictor.predict(frame) == pytest.approx(expected, abs=1e-6)
    assert predictor.predict(frame.iloc[::-1]) == pytest.approx(expected[::-1], abs=1e-6)
    theirs = SentenceTransformer(str(BUNDLE), device="cpu").encode(SENTENCES[:9])
    mine = predictor.scorer.embed(SENTENCES[:9])
    assert mine == pytest.approx(theirs, abs=2e-6) and np.linalg.norm(mine, axis=1) == pytest.approx(np.ones(9))
    assert mine == pytest.approx(load(best_run("toy", "supervised")).encode(SENTENCES[:9]), abs=1e-6)
    card = (BUNDLE / "README.md").read_text(encoding="utf-8")
    assert "base → vocabulary → simcse → supervised" in card and f"seed {best_run('toy', 'supervised').name}" in card
    receipt = json.loads(Path("receipts/toy/embedding.json").read_text())
    assert receipt["model"] == "supervised"


def test_the_predictor_searches_and_refuses_what_it_cannot_read(scene: Path) -> None:
    predict("toy")
    push("toy")
    predictor = Predictor.from_pretrained(BUNDLE)
    found = predictor.scorer.search(SENTENCES[2], OUT, top=3)
    assert list(found.columns) == ["score", "row", "text"] and found["text"][0] == SENTENCES[2] and len(found) == 3
    for frame, words in ((pd.DataFrame({"sentence1": ["a"], "sentense2": ["b"]}), "did you mean 'sentense2'"),
                         (pd.DataFrame({"sentence1": ["a", None], "sentence2": ["b", "c"]}), "'sentence1', row 1"),
                         (pd.DataFrame({"sentence1": ["a"], "sentence2": [3]}), "expected a sentence, got 3"),
                         (pd.DataFrame([["a", "b", "c"]], columns=["sentence1", *["sentence2"] * 2]), "keep one")):
        with pytest.raises(InputError, match=words):
            predictor.predict(frame)
    with pytest.raises(InputError, match="put it in a list"):
        predictor.scorer.embed("하나")
    assert predictor.predict(pd.DataFrame({"sentence1": [], "sentence2": []})).shape == (0,)
    change(scene, predict={"model": "base"})
    predict("toy")
    with pytest.raises(InputError, match="not the file of the encoder that embedded"):
        predictor.scorer.search("책", OUT)


def test_the_gate_holds_back_what_does_not_beat_its_baseline(scene: Path) -> None:
    change(scene, push={"model": "vocabulary", "gate": {"metric": "spearman", "baseline": "tfidf"}})
    with pytest.raises(InputError, match="vocabulary at size toy does not beat tfidf"):
        push("toy")
    assert not BUNDLE.exists() and not Path("receipts/toy/embedding.json").exists()
    change(scene, push={"gate": {"metric": "spearman", "baseline": "tfidf"}})
    push("toy")
    assert BUNDLE.is_dir()
