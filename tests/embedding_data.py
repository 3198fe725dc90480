"""Small tables of the embedding track for the tests of its models: sentences and pairs of the sample's grammar."""

from dataclasses import dataclass, field

import numpy as np

from rankpipe import paths
from rankpipe.embedding.table import ABOUT, PAIR, TEXT, TRACK, TRIPLET, About, Pairs, Triplets, open_columns
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json

_WHO = ("남자가", "여자가", "아이가", "노인이", "학생이", "요리사가")
_DOES = ("기타를 친다", "밥을 먹는다", "책을 읽고 있다", "공을 던졌다", "노래를 부른다", "길을 건넌다")
_WHERE = ("공원에서", "집에서", "바닷가에서", "학교에서", "시장에서")


@dataclass(frozen=True)
class Small:
    """What the readers of :mod:`rankpipe.embedding.table` return."""

    texts: list[str]
    held_out: list[str]
    pairs: dict[str, Pairs] = field(default_factory=dict)
    triplets: Triplets | None = None


def small(rows: int = 24, seed: int = 0) -> Small:
    """Sentences of three parts, all different between corpus and pairs; the score is the share of equal parts.

    At most 180 sentences: train has ``rows`` pairs, valid and test half as many.
    """
    rng = np.random.default_rng(seed)
    parts = [(a, b, c) for a in range(len(_WHO)) for b in range(len(_WHERE)) for c in range(len(_DOES))]
    parts = [parts[i] for i in rng.permutation(len(parts)).tolist()]
    said = [f"{_WHO[a]} {_WHERE[b]} {_DOES[c]}." for a, b, c in parts]
    half = len(said) // 2
    found = {}
    for k, split in enumerate(("train", "valid", "test")):
        own = np.arange(half + k * half // 3, half + (k + 1) * half // 3)
        one, other = (rng.choice(own, rows if split == "train" else rows // 2) for _ in range(2))
        score = [np.mean([x == y for x, y in zip(parts[i], parts[j], strict=True)])
                 for i, j in zip(one, other, strict=True)]
        found[split] = Pairs([said[i] for i in one], [said[i] for i in other], np.array(score, np.float32),
                             [("news", "captions")[i % 2] for i in range(len(one))])
    train = found["train"]
    triplets = Triplets(train.first, [f"{sentence[:-1]}!" for sentence in train.first], train.second[::-1])
    return Small(said[:half - 12], said[half - 12:half], found, triplets)


def write(data: Small, size: str = "toy") -> None:
    """``build/<size>/embedding/table`` under the working folder."""
    rows = {}
    with atomic_folder(paths.table(size, TRACK)) as folder:
        for name, names, columns in (
                ("corpus", TEXT, (data.texts,)), ("held_out", TEXT, (data.held_out,)),
                *((split, PAIR, (p.first, p.second, p.score, p.genre)) for split, p in data.pairs.items()),
                *([("triplets", TRIPLET, (t.anchor, t.positive, t.negative))] if (t := data.triplets) else [])):
            with open_columns(folder / f"{name}.parquet", names) as file:
                file.write(*columns)
            rows[name] = len(columns[0])
        write_json(folder / ABOUT, {"format": About().format, "rows": rows})
