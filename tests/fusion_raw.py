"""A small shop in raw files that the tests of the fusion track share: written by hand, images of noise."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from rankpipe import paths
from rankpipe.fusion.convert import convert
from rankpipe.fusion.dataset import Dataset, read
from rankpipe.fusion.extract import extract

FOLDER = Path("data/fusion")
PARAMS: dict[str, Any] = {
    "seed": 3, "threads": 1, "device": "cpu", "jobs": {"workers": 1, "backend": "loky"},
    "fusion": {"source": {"folder": str(FOLDER), "popularity": "sold"}, "convert": {},
               "extract": {"sizes": {"toy": {"queries": 6}, "full": {}}, "valid": 0.25, "test": 0.25}}}
SPLITS = ("train", "valid", "test")
WORDS = ("lamp", "chair", "table", "vase", "clock", "shelf", "rug", "mirror", "stool", "bench", "plate", "bowl")


class Shop:
    """``shelves`` groups of queries that share nothing: two queries and four candidates each. Change, then write."""

    def __init__(self, shelves: int = 8):
        rng = np.random.default_rng(0)
        self.queries: list[dict[str, Any]] = []
        self.candidates: list[dict[str, Any]] = []
        self.judgements: list[tuple[Any, ...]] = []
        self.images: dict[str, np.ndarray] = {}
        for shelf in range(shelves):
            for k in range(4):
                name = f"images/{shelf}{k}.png"
                self.images[name] = rng.integers(0, 256, (6, 6, 3)).repeat(6, 0).repeat(6, 1).astype(np.uint8)
                self.candidates.append({
                    "candidate_id": f"c{shelf}{k}", "image": name, "sold": shelf + k,
                    "text": " ".join(rng.choice(WORDS, 8)),
                    "attributes": {"colour": ("red", "blue")[k % 2], "legs": k}})
            for k in range(2):
                self.queries.append({"query_id": f"q{shelf}{k}", "text": f"thing {shelf} of kind {k}", "domain": "home",
                                     "constraints": {"colour": "red"} if k else {},
                                     "split": ("train", "train", "valid", "test")[shelf % 4]})
                self.judgements += [(f"q{shelf}{k}", f"c{shelf}{i}", (i + k) % 4, int(i % 2 == 0 or not k))
                                    for i in (2, 0, 3, 1)]

    def write(self, **extract: Any) -> None:
        """``data/fusion`` and ``params.yaml`` under the working folder."""
        for name, pixels in self.images.items():
            path = FOLDER / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        for name, rows in (("queries", self.queries), ("candidates", self.candidates)):
            (FOLDER / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        (FOLDER / "judgements.tsv").write_text("query_id\tcandidate_id\tgrade\tmeets\n" + "".join(
            "\t".join(map(str, row)) + "\n" for row in self.judgements), encoding="utf-8")
        values = json.loads(json.dumps(PARAMS))
        values["fusion"]["extract"].update(extract)
        write_params(values)


def write_params(values: dict[str, Any]) -> None:
    """JSON is YAML."""
    Path("params.yaml").write_text(json.dumps(values), encoding="utf-8")


def made(shop: Shop, size: str = "full", **changes: Any) -> tuple[Dataset, dict[str, Any]]:
    """The data set of ``shop``, and the diagnostics."""
    shop.write(**changes)
    extract(size)
    convert(size)
    return read(size), json.loads((paths.selection(size, "fusion") / "diagnostics.json").read_text())
