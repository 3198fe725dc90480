"""Chooses the sentences and pairs of one size, and drops from what trains every sentence by which models are judged.

Nothing is copied: the output is one byte a raw row and the counts; convert reads the rows again. Memory: about 60 bytes
a sentence of the corpus or a pair, for its hash and for sorting it; the text streams by.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.selection import load_selection, save_selection
from rankpipe.data.splits import SPLITS, TRAIN, UNUSED, VALID
from rankpipe.embedding import reading
from rankpipe.embedding.source import KEY, Source, source
from rankpipe.embedding.splits import first_of_each, known, lowest, random_split, words_to_marks
from rankpipe.embedding.table import TRACK
from rankpipe.errors import InputError, nearest
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded

HELD_OUT = VALID
"""Mark of a sentence of the corpus that is kept back."""
DIAGNOSTICS = "diagnostics.json"


@dataclass(frozen=True)
class Size:
    """One entry of ``embedding.extract.sizes``; None takes all. A size holds what every smaller one holds."""

    sentences: int | None = bounded(None, low=1)
    """Of the corpus."""
    pairs: int | None = bounded(None, low=1)
    """Of train; valid and test are always whole."""
    triplets: int | None = bounded(None, low=1)


@dataclass(frozen=True)
class Extract:
    """The block ``embedding.extract`` of params.yaml."""

    sizes: dict[str, Size]
    split: Literal["files", "random", "given"] = "files"
    valid: float = bounded(0.15, above=0, below=1)
    test: float = bounded(0.15, above=0, below=1)
    given: str | None = None
    """For the split of that name: the column of the pairs' files that says train, valid or test."""
    held_out: int = bounded(500, low=1)
    shared: Literal["drop", "keep"] = "drop"

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid {self.valid:g} and test {self.test:g} leave nothing to train on")


@dataclass(frozen=True)
class _Rows:
    """All n pairs of all files, one file after the other."""

    first: np.ndarray
    """(n,) uint64 keys."""
    second: np.ndarray
    score: np.ndarray
    """(n,) float32."""
    marks: np.ndarray
    """(n,) uint8 of the split."""


def extract(size: str) -> None:
    """Writes ``diagnostics.json`` and (N,) uint8 marks of raw rows: ``corpus.npy`` (0 unused, 1 to train on, 2 kept
    back), ``pairs.npy`` (0 unused, 1 train, 2 valid, 3 test; train's file, then those of valid, test and own that there
    are) and, where the source names triplets, ``triplets.npy``.

    Raises:
        InputError: unknown size, missing or damaged file, a bad row, an empty split, nothing left to train on.
    """
    values = params.load()
    settings = params.block(Extract, params.get(values, "embedding.extract"), "params.yaml: embedding.extract")
    seed, raw = params.seed(values), source(values)
    if size not in settings.sizes:
        raise InputError(f"params.yaml: embedding.extract.sizes: no size '{size}'; {nearest(size, settings.sizes)}")
    wanted = settings.sizes[size]
    rows = _pairs(raw, settings, seed)
    held = np.unique(np.concatenate([side[rows.marks >= VALID] for side in (rows.first, rows.second)]))
    counts: dict[str, Any] = {}
    pairs = _train_pairs(rows, held, settings, wanted.pairs, seed, counts)
    corpus = _corpus(raw, held, settings, wanted.sentences, seed, counts, f"extract {size}")
    threes = None if raw.triplets is None else _triplets(raw, held, settings, wanted.triplets, seed, counts)
    with atomic_folder(paths.selection(size, TRACK)) as folder:
        for name, marks in (("corpus", corpus), ("pairs", pairs), ("triplets", threes)):
            if marks is not None:
                save_selection(folder / f"{name}.npy", marks)
        write_json(folder / DIAGNOSTICS, {
            "split": settings.split, "seed": seed, "requested_sentences": wanted.sentences,
            "requested_pairs": wanted.pairs, **counts,
            "splits": {name: _described(rows, pairs == mark) for name, mark in SPLITS.items()}})


def selection(size: str, name: str) -> np.ndarray:
    """(N,) uint8 of :func:`extract`: ``corpus``, ``pairs`` or ``triplets``; left on the disk and read as it is used.

    Raises:
        InputError: missing or damaged.
    """
    return load_selection(paths.selection(size, TRACK) / f"{name}.npy")


def _pairs(raw: Source, settings: Extract, seed: int) -> _Rows:
    """Every pair, with the mark that the split gives it."""
    if settings.split == "given" and settings.given is None:
        raise InputError(f"params.yaml: embedding.extract.given: name the column of {raw.train.path} that says train, "
                         "valid or test, since split is given")
    if settings.split == "files":
        for name in ("valid", "test"):
            if name not in raw.pairs():
                raise InputError(f"{KEY}.{name}: names no file, and params.yaml: embedding.extract.split is files; "
                                 "name one, or set split to random")
    found, own = [], 0
    for name, file in raw.pairs().items():
        word = settings.given if settings.split == "given" and name != "own" else None
        count = 0
        for block in reading.pairs(file, name, word):
            marks = np.full(len(block.score), SPLITS.get(name, TRAIN), np.uint8)
            if block.word is not None:
                marks, wrong = words_to_marks(block.word)
                if wrong is not None:
                    raise InputError(f"{file.path}: column '{word}', row {count + wrong} (the first is 0): "
                                     f"'{block.word[wrong]}'; it must be train, valid or test")
            found.append((reading.keys(block.first), reading.keys(block.second), block.score, marks))
            count += len(marks)
        if not count:
            raise InputError(f"{file.path}: has no pairs; {KEY}.{name} must name some, or be null")
        own = count if name == "own" else 0
    first, second, score, marks = (np.concatenate([part[i] for part in found]) for i in range(4))
    if settings.split == "random":
        n = len(marks) - own
        marks[:n] = random_split(first[:n], second[:n], settings.valid, settings.test, seed)
    return _Rows(first, second, score, marks)


def _train_pairs(rows: _Rows, held: np.ndarray, settings: Extract, wanted: int | None, seed: int,
                 counts: dict[str, Any]) -> np.ndarray:
    """The marks of ``rows`` without train's pairs that share a sentence with valid or test, and without those beyond
    the ``wanted`` ones."""
    marks = rows.marks.copy()
    shared = (marks == TRAIN) & known(held, rows.first, rows.second)
    counts["train_pairs_sharing_a_sentence"] = int(shared.sum())
    if settings.shared == "drop":
        marks[shared] = UNUSED
    train = np.flatnonzero(marks == TRAIN)
    counts["took_all_pairs"] = wanted is None or wanted >= len(train)
    marks[train] = UNUSED
    marks[lowest(rows.first ^ (rows.second * np.uint64(3)), train, wanted, seed, "pairs")] = TRAIN
    for name, mark in SPLITS.items():
        if not (marks == mark).any():
            why = (f"all {counts['train_pairs_sharing_a_sentence']} of train's pairs share a sentence with valid or "
                   "test; set shared to keep, or bring others" if name == "train" and shared.any() else
                   "bring more pairs, or choose other shares")
            raise InputError(f"params.yaml: embedding.extract: split {settings.split}: '{name}' is empty: {why}")
    for name, mark in SPLITS.items():
        if np.ptp(rows.score[marks == mark]) == 0 and name != "train":
            raise InputError(f"params.yaml: embedding.source: all pairs of {name} have the same score "
                             f"({rows.score[marks == mark][0]:g} of 1), so nothing can be ranked; bring others")
    return marks


def _corpus(raw: Source, held: np.ndarray, settings: Extract, wanted: int | None, seed: int, counts: dict[str, Any],
            title: str) -> np.ndarray:
    """(N,) uint8 marks of the corpus's rows."""
    parts, empty = [], []
    with progress.bar(None, title) as bar:
        for block in reading.sentences(raw.corpus):
            parts.append(reading.keys(block))
            empty.append(np.array([sentence == "" for sentence in block], bool))
            bar.update(len(block))
    if not parts or np.concatenate(empty).all():
        raise InputError(f"{raw.corpus.path}: holds no sentence; {KEY}.corpus names it")
    keys, blank = np.concatenate(parts), np.concatenate(empty)
    leaking = known(held, keys) & ~blank
    usable = np.flatnonzero(first_of_each(keys) & ~blank & ~leaking)
    back = lowest(keys, usable, settings.held_out, seed, "held out")
    left = np.setdiff1d(usable, back, assume_unique=True)
    if not len(left):
        raise InputError(f"{raw.corpus.path}: {len(usable)} sentences of its {len(keys)} rows can be used, and "
                         f"params.yaml: embedding.extract.held_out keeps back {settings.held_out}; nothing is left to "
                         "train on")
    marks = np.zeros(len(keys), np.uint8)
    marks[lowest(keys, left, wanted, seed, "sentences")] = TRAIN
    marks[back] = HELD_OUT
    counts.update(raw_sentences=len(keys), empty_sentences=int(blank.sum()),
                  sentences_of_valid_or_test=int(leaking.sum()),
                  repeated_sentences=len(keys) - int(blank.sum()) - int(leaking.sum()) - len(usable),
                  sentences=int((marks == TRAIN).sum()), held_out=len(back),
                  took_all_sentences=wanted is None or wanted >= len(left))
    return marks


def _triplets(raw: Source, held: np.ndarray, settings: Extract, wanted: int | None, seed: int,
              counts: dict[str, Any]) -> np.ndarray:
    """(N,) uint8 marks of the triplets' rows."""
    assert raw.triplets is not None
    blocks = [tuple(map(reading.keys, block)) for block in reading.triplets(raw.triplets)]
    if not blocks:
        raise InputError(f"{raw.triplets.path}: has no triplets; {KEY}.triplets must name some, or be null")
    anchor, positive, negative = (np.concatenate([block[i] for block in blocks]) for i in range(3))
    shared = known(held, anchor, positive, negative)
    left = np.flatnonzero(~shared if settings.shared == "drop" else np.ones(len(shared), bool))
    marks = np.zeros(len(anchor), np.uint8)
    content = anchor ^ (positive * np.uint64(3)) ^ (negative * np.uint64(5))
    marks[lowest(content, left, wanted, seed, "triplets")] = TRAIN
    counts.update(triplets=int(marks.sum()), triplets_sharing_a_sentence=int(shared.sum()))
    return marks


def _described(rows: _Rows, mine: np.ndarray) -> dict[str, Any]:
    """How many pairs and sentences, and how the scores lie between 0 and 1."""
    sentences = np.unique(np.concatenate([rows.first[mine], rows.second[mine]]))
    score = rows.score[mine].astype(np.float64)
    return {"pairs": int(mine.sum()), "sentences": len(sentences), "mean_score": round(float(score.mean()), 6),
            "scores_by_fifth": np.histogram(score, 5, (0, 1))[0].tolist()}
