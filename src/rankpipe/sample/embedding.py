"""Korean sentences of a small grammar, any number, and pairs whose similarity is how far their meanings agree."""

import argparse
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file
from rankpipe.progress import bar
from rankpipe.sample.sentences import GENRES, changed, meaning, overlap, said, wording

CORPUS, TRIPLETS = "corpus.txt", "triplets.tsv"
SPLITS = {"train": "sts-train.tsv", "dev": "sts-dev.tsv", "test": "sts-test.tsv"}
HEADING = "genre\tfilename\tyear\tid\tscore\tsentence1\tsentence2\n"
BLOCK = 1024
"""Rows that depend on the seed and their block's number alone; where they repeat one of dev, on how many it has too."""
STREAMS = ("corpus", *SPLITS, "triplets")
SHARED, LEAKED, REPEATED, BLANK, RESTATED = 0.04, 0.01, 0.01, 0.002, 0.3
"""Shares: of train's pairs, with a sentence of dev; of the corpus, a sentence of dev, one that stood there before, no
sentence, and one that says a thing twice in other words."""
SAME_WORD, SAME_OPENING = 0.45, 0.5
"""How often the second sentence of a pair takes the word, or the opening, of the first where it could take another."""

Row = tuple[int, float, str, str, np.ndarray]
"""Genre, score from 0 to 5, the two sentences, and what the first means."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options; the defaults are those of the committed sample."""
    parser.add_argument("--sentences", type=int, default=4000, help="of the corpus (4,000)")
    parser.add_argument("--pairs", type=int, default=1200, help="of train; dev and test have a third each (1,200)")
    parser.add_argument("--triplets", type=int, default=600, help="(600)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seed", type=int, default=7)


def generate(arguments: argparse.Namespace) -> None:
    """Writes the five files. Memory: a block of each."""
    _check(arguments)
    seed, judging = arguments.seed, max(2, arguments.pairs // 3)
    judged = _pairs(seed, "dev", 0, None)[:judging]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        def opened(name: str) -> Any:
            path = stack.enter_context(atomic_file(arguments.out / name))
            return stack.enter_context(path.open("w", encoding="utf-8", newline="\n"))

        corpus = opened(CORPUS)
        for block in bar(None, CORPUS, "block", _blocks(arguments.sentences)):
            lines = _corpus(seed, block, judged)[:arguments.sentences - block * BLOCK]
            corpus.writelines(f"{line}\n" for line in lines)
        for split, name in SPLITS.items():
            rows = arguments.pairs if split == "train" else judging
            file = opened(name)
            file.write(HEADING)
            for block in _blocks(rows):
                found = _pairs(seed, split, block, judged if split == "train" else None)
                for i, (genre, score, one, other, _) in enumerate(found[:rows - block * BLOCK], block * BLOCK):
                    file.write(f"{GENRES[genre]}\tgrammar\t2026{split}\t{i:04d}\t{score:.3f}\t{one}\t{other}\n")
        file = opened(TRIPLETS)
        file.write("anchor\tpositive\tnegative\n")
        for block in _blocks(arguments.triplets):
            file.writelines("\t".join(three) + "\n"
                            for three in _triplets(seed, block)[:arguments.triplets - block * BLOCK])
    print(f"{arguments.sentences} sentences, {arguments.pairs} pairs in train and {judging} each in dev and test, "
          f"{arguments.triplets} triplets")


def _blocks(rows: int) -> range:
    return range(-(-rows // BLOCK))


def _rng(seed: int, stream: str, block: int) -> np.random.Generator:
    return np.random.default_rng([seed, STREAMS.index(stream), block])


def _corpus(seed: int, block: int, judged: list[Row]) -> list[str]:
    rng = _rng(seed, "corpus", block)
    lines: list[str] = []
    for kind in rng.random(BLOCK).tolist():
        how = wording(rng, int(rng.integers(len(GENRES))))
        restated = (0, 2)[int(rng.integers(2))] if rng.random() < RESTATED else None
        fresh = said(meaning(rng), how, restated, int(rng.integers(3)))
        place = int(rng.integers(BLOCK))
        if kind < LEAKED:
            lines.append(judged[place % len(judged)][2])
        elif kind < LEAKED + REPEATED and lines:
            lines.append(lines[place % len(lines)])
        else:
            lines.append("" if kind > 1 - BLANK else fresh)
    return lines


def _pairs(seed: int, split: str, block: int, judged: list[Row] | None) -> list[Row]:
    """The rows of a block. ``judged``: rows of which some give their first sentence."""
    rng = _rng(seed, split, block)
    rows: list[Row] = []
    for known in rng.random(BLOCK).tolist():
        genre = int(rng.integers(len(GENRES)))
        slots, how = meaning(rng), wording(rng, genre)
        one = said(slots, how)
        if judged is not None and known < SHARED:
            genre, _, one, _, slots = judged[int(rng.integers(len(judged)))]
        other = changed(rng, slots, int(rng.integers(6)))
        rows.append((genre, 5 * overlap(slots, other), one, said(other, _otherwise(rng, replace(how, genre=genre))),
                     slots))
    return rows


def _triplets(seed: int, block: int) -> list[tuple[str, str, str]]:
    """The positive means the same in other words; the negative is worded as the anchor and means something else."""
    rng = _rng(seed, "triplets", block)
    found = []
    for genre in rng.integers(0, len(GENRES), BLOCK).tolist():
        slots, how = meaning(rng), wording(rng, genre)
        wrong = changed(rng, slots, int(rng.integers(1, 4)))
        found.append((said(slots, how), said(slots, _otherwise(rng, how)), said(wrong, how)))
    return found


def _otherwise(rng: np.random.Generator, how: Any) -> Any:
    """Another way to say something in the same genre: mostly other words."""
    new = wording(rng, how.genre)
    same = rng.random(len(how.words)) < SAME_WORD
    # One on is another word, whether a meaning has two or three.
    words = tuple(word if keep else word + 1 for word, keep in zip(how.words, same.tolist(), strict=True))
    return replace(new, words=words, opening=how.opening if rng.random() < SAME_OPENING else new.opening)


def _check(arguments: argparse.Namespace) -> None:
    limits = {"sentences": (1, 10**9), "pairs": (6, 10**8), "triplets": (1, 10**8), "seed": (0, 2**63 - 1)}
    for name, (low, high) in limits.items():
        value = getattr(arguments, name)
        if not low <= value <= high:
            raise InputError(f"--{name}: {value} is out of range; it must be from {low} to {high}")


