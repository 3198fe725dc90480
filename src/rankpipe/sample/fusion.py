"""Pictures with captions and attributes, and what people who look for one think of each, any number, planted truth."""

import argparse
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.progress import bar
from rankpipe.sample.scenes import ASPECTS, NAMES, Scenes, copied, rendered, scenes
from rankpipe.sample.wording import DOMAINS, caption, said, series, wish

FILES = ("queries.jsonl", "candidates.jsonl", "judgements.tsv")
SHELF = 24
"""Pictures that are judged for the same queries; shelf s depends on the seed and s."""
TOLD = {"shape": 0.65, "colour": 0.5, "ground": 0.25, "count": 0.5, "size": 0.3, "material": 0.35, "finish": 0.85}
"""How often a caption speaks of an aspect."""
KNOWN = {"shape": 0.3, "colour": 0.5, "size": 0.85, "material": 0.85, "price": 0.9}
"""How often the attributes have it."""
WISHED = ("shape", "colour", "ground", "count", "finish")
REQUIRED = ("size", "material", "price", "colour")
NO_IMAGE, LOST_IMAGE, NO_TEXT, NO_SERIES = 0.02, 0.01, 0.015, 0.15
COPIES, COPIES_OF_OTHERS = 0.6, 0.12
"""How many shelves hold a copy of a picture of their own, and of the shelf before."""
PICTURES, PEOPLE, LOOKS = 1, 2, 3
"""Random streams."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options; the defaults are those of the committed sample."""
    parser.add_argument("--candidates", type=int, default=1200, help="(1,200)")
    parser.add_argument("--queries", type=int, default=600, help="(600)")
    parser.add_argument("--slate", type=int, default=20, help="candidates judged for each query, at most (20)")
    parser.add_argument("--no-images", action="store_true", help="leave the pictures out (the lines name them still)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seed", type=int, default=7)


def generate(arguments: argparse.Namespace) -> None:
    """Writes the three files and the folder ``images``."""
    _check(arguments)
    shelves = math.ceil(arguments.candidates / SHELF)
    counts = np.zeros(4, np.int64)
    with ExitStack() as stack:
        folder = stack.enter_context(atomic_folder(arguments.out))
        queries, candidates, judgements = (
            stack.enter_context((folder / name).open("w", encoding="utf-8", newline="\n")) for name in FILES)
        judgements.write("query_id\tcandidate_id\tgrade\tmeets\n")
        for number in bar(shelves, "shelves", "shelf", range(shelves)):
            shelf = _shelf(arguments, number)
            rng = np.random.default_rng([arguments.seed, LOOKS, number])
            for i, line in enumerate(shelf.lines):
                candidates.write(json.dumps(line, ensure_ascii=False) + "\n")
                if arguments.no_images:
                    continue
                picture = rendered(rng, shelf.scenes, i)
                if line["image"] and not shelf.lost[i]:
                    path = folder / line["image"]
                    path.parent.mkdir(parents=True, exist_ok=True)
                    path.write_bytes(picture)
            first, last = (arguments.queries * (number + k) // shelves for k in (0, 1))
            for line, slate in _asked(arguments, shelf, range(first, last)):
                queries.write(json.dumps(line, ensure_ascii=False) + "\n")
                for i, grade, meets in slate:
                    judgements.write(f"{line['query_id']}\t{shelf.lines[i]['candidate_id']}\t{grade}\t{meets}\n")
                    counts[grade] += 1
    print(f"{arguments.queries} queries, {arguments.candidates} candidates on {shelves} shelves, {counts.sum()} "
          f"judgements; grades 0 to 3: {', '.join(f'{share:.2f}' for share in counts / max(1, counts.sum()))}")


@dataclass(frozen=True)
class Shelf:
    """The pictures of one series."""

    number: int
    scenes: Scenes
    lines: list[dict[str, Any]]
    """Of candidates.jsonl."""
    lost: np.ndarray
    """(n,) bool: the line names an image that isn't there."""


def _shelf(arguments: argparse.Namespace, number: int) -> Shelf:
    size = min(SHELF, arguments.candidates - number * SHELF)
    rng = np.random.default_rng([arguments.seed, PEOPLE, number])
    shown = _scenes(arguments.seed, number, size)
    if rng.random() < COPIES and size > 1:
        shown = copied(rng, shown, 0, shown, 1)
    if number and size > 2 and rng.random() < COPIES_OF_OTHERS:
        shown = copied(rng, shown, 2, _scenes(arguments.seed, number - 1, SHELF), 3)
    gone = rng.random((4, size))
    popularity = np.rint(10 * np.exp(np.round(rng.standard_normal(size), 3)))
    domain = DOMAINS[number % len(DOMAINS)]
    lines = []
    for i in range(size):
        values = dict(zip(NAMES, shown.values[i].tolist(), strict=True))
        told = {a: said(rng, a, values[a]) for a, share in TOLD.items() if rng.random() < share}
        known = {a: ASPECTS[a][values[a]] for a, share in KNOWN.items() if rng.random() < share}
        known["format"] = ("upright", "wide")[rng.integers(2)]
        text = caption(rng, told, None if gone[2, i] < NO_SERIES else series(number), i + 1, domain)
        lines.append({"candidate_id": f"c{number * SHELF + i + 1}",
                      "image": None if gone[0, i] < NO_IMAGE else f"images/{number:03d}/{i + 1:02d}.png",
                      "text": None if gone[3, i] < NO_TEXT else text, "attributes": known,
                      "popularity": int(popularity[i])})
    return Shelf(number, shown, lines, gone[1] < LOST_IMAGE)


def _scenes(seed: int, number: int, size: int) -> Scenes:
    return scenes(np.random.default_rng([seed, PICTURES, number]), size)


def _asked(arguments: argparse.Namespace, shelf: Shelf, numbers: range,
           ) -> Iterator[tuple[dict[str, Any], list[tuple[int, int, int]]]]:
    """(line of queries.jsonl, rows of (candidate, grade, meets) in the shop's order) of each query."""
    domain = DOMAINS[shelf.number % len(DOMAINS)]
    fame = np.log([line["popularity"] + 1 for line in shelf.lines])
    for number in numbers:
        rng = np.random.default_rng([arguments.seed, PEOPLE, shelf.number, number])
        dreamt = rng.integers(len(fame))  # there is one picture at least that is just right
        dream = shelf.scenes.values[dreamt]
        required = [REQUIRED[i] for i in rng.permutation(len(REQUIRED))[:rng.integers(1, 8) // 3]]
        open_ = [a for a in WISHED if a not in required]
        wishes = [open_[i] for i in rng.permutation(len(open_))[:2 + rng.integers(2)]]
        wanted = {a: int(dream[NAMES.index(a)]) for a in (*wishes, *required)}
        size = int(min(len(fame), arguments.slate, max(2, arguments.slate - rng.integers(0, 7))))
        right = {a: shelf.scenes.values[:, NAMES.index(a)] == value for a, value in wanted.items()}
        missed = sum((~right[a] for a in wishes), np.zeros(len(fame), np.int64))
        broken = sum((~right[a] for a in required), np.zeros(len(fame), np.int64))
        grades = np.select([broken == 0, (broken == 1) & (missed == 0)], [np.maximum(3 - missed, 0), 1], 0)
        others = rng.permutation(len(fame))
        slate = np.append(dreamt, others[others != dreamt][:size - 1])
        slate = slate[np.argsort(-(fame[slate] + rng.standard_normal(size)), kind="stable")]
        line = {"query_id": f"q{number + 1}", "domain": domain, "text": wish(
                    rng, {a: said(rng, a, wanted[a]) for a in wishes}, series(shelf.number), domain),
                "constraints": {a: ASPECTS[a][wanted[a]] for a in sorted(required)}}
        yield line, [(int(i), int(grades[i]), int(broken[i] == 0)) for i in slate]


def _check(arguments: argparse.Namespace) -> None:
    limits = {"candidates": (2, 10**7), "queries": (1, 10**8), "slate": (2, SHELF), "seed": (0, math.inf)}
    for name, (low, high) in limits.items():
        value = getattr(arguments, name)
        if not low <= value <= high:
            raise InputError(f"--{name}: {value} is out of range; it must be from {low} to {high}")
