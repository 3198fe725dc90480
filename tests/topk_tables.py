"""Raw recommendation tables of a few rows, and a working folder around them."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from rankpipe.topk.convert import convert
from rankpipe.topk.extract import extract
from rankpipe.topk.features import features

SOURCE: dict[str, Any] = {
    "interactions": {"path": "data/topk/train_ratings.csv", "time": "time", "rating": "stars"},
    "item_fields": {
        "genre": {"path": "data/topk/genres.tsv", "id": "item", "column": "genre"},
        "year": {"path": "data/topk/years.tsv", "id": "item", "column": "year", "kind": "number",
                 "otherwise": {"path": "data/topk/titles.tsv", "id": "item", "column": "title", "kind": "title_year"}},
    },
    "user_fields": {"job": {"path": "data/topk/people.user", "id": "user_id", "column": "job", "split": " "}},
}
HEADING = ("user", "item", "time", "stars")


def views(users: int = 30, items: int = 20, seed: int = 2) -> list[tuple[Any, ...]]:
    """(user, item, time, stars), 10 rows a user, no pair twice; ids "5" … and "100" …"""
    rng = np.random.default_rng(seed)
    return [(5 + user, 100 + item, 1_000_000 + 1000 * place + user, int(rng.integers(1, 6)))
            for user in range(users) for place, item in enumerate(rng.permutation(items)[:10].tolist())]


def params(**changes: Any) -> dict[str, Any]:
    """params.yaml; a change is a dotted key under topk with ``__`` for the dots."""
    values: dict[str, Any] = {
        "seed": 7,
        "topk": {
            "source": SOURCE, "extract": {"sizes": {"toy": {"users": 10}, "full": {"users": None}}, "split": "random"},
            "convert": {}, "features": {"min_count": {"default": 1}, "buckets": {"default": 3}},
        },
    }
    for key, value in changes.items():
        *way, last = key.split("__")
        node = values["topk"] = dict(values["topk"])
        for part in way:
            node[part] = dict(node[part])
            node = node[part]
        node[last] = value
    return values


def table(path: Path, heading: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="," if path.suffix == ".csv" else "\t", lineterminator="\n")
        writer.writerows([heading, *rows])


def workspace(folder: Path, rows: Sequence[Sequence[Any]] | None = None, heading: Sequence[str] = HEADING,
              **changes: Any) -> Path:
    """A folder with params.yaml and data/topk. Item 100 + i has genres G(i mod 3) and, where i is even, "Even"; item
    119 none. Years are 2000 + i, those of 110 on stand in the titles alone, which are wrong about the others. Odd users
    are "cook" and "poet"."""
    raw = folder / "data" / "topk"
    table(raw / "train_ratings.csv", heading, views() if rows is None else rows)
    table(raw / "genres.tsv", ("item", "genre"),
          [(100 + i, genre) for i in range(19) for genre in (f"G{i % 3}", "Even")[:2 - i % 2]])
    table(raw / "years.tsv", ("item", "year"), [(100 + i, 2000 + i) for i in range(10)])
    table(raw / "titles.tsv", ("item", "title"),
          [(100 + i, f'The "{i}" (of 9) ({2000 + i if i >= 10 else 1950})') for i in range(20)])
    table(raw / "people.user", ("user_id:token", "job:token_seq"),
          [(5 + i, "cook poet" if i % 2 else "clerk") for i in range(30)])
    YAML().dump(params(**changes), folder / "params.yaml")
    return folder


def prepare(size: str = "full") -> None:
    """extract, convert and features in the current folder."""
    extract(size)
    convert(size)
    features(size)


def contents(folder: Path) -> dict[str, bytes]:
    """Path → bytes of every file under ``folder``."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
