"""Tiny raw files of the track `rating`, and a working folder around them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from ruamel.yaml import YAML

from rankpipe.rating.convert import convert
from rankpipe.rating.extract import extract

COLUMNS = ("user_id", "item_id", "rating", "text", "at")


def rows(n: int = 400, users: int = 30, items: int = 20, seed: int = 3) -> list[dict[str, Any]]:
    """Reviews without a repeated pair, times rising by an hour, every third text in Korean."""
    rng = np.random.default_rng(seed)
    pairs = rng.permutation(users * items)[:n]
    return [{"user_id": f"u{p // items}", "item_id": f"i{p % items}", "rating": float(rng.integers(1, 6)),
             "text": f"맛있어요 {i}" if i % 3 == 0 else f'good, "very" good\n{i}',
             "at": 1_500_000_000 + 3600 * i} for i, p in enumerate(pairs.tolist())]


def write_lines(path: Path, found: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found), encoding="utf-8")


def parameters(**changes: Any) -> dict[str, Any]:
    """params.yaml; a change is a dotted key under ``rating`` with ``__`` for the dots."""
    values: dict[str, Any] = {"seed": 7, "rating": {
        "source": {"reviews": {"path": "data/rating/review.json", "text": "text", "timestamp": "at"}},
        "extract": {"sizes": {"toy": {"rows": 100}, "medium": {"rows": 300}, "full": {"rows": None}}},
        "convert": {"row_group_rows": 64}}}
    for key, value in changes.items():
        node = values["rating"]
        *way, last = key.split("__")
        for part in way:
            node = node.setdefault(part, {})
        node[last] = value
    return values


def workspace(folder: Path, found: list[dict[str, Any]] | None = None, **changes: Any) -> Path:
    """params.yaml and data/rating/review.json (400 rows unless ``found`` is given)."""
    write_lines(folder / "data" / "rating" / "review.json", rows() if found is None else found)
    YAML().dump(parameters(**changes), folder / "params.yaml")
    return folder


def run(size: str = "full") -> dict[str, bytes]:
    """Extract and convert; file → bytes of what they wrote."""
    extract(size)
    convert(size)
    return {str(p): p.read_bytes() for p in sorted(Path("build").rglob("*")) if p.is_file()}
