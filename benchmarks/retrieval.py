"""Approximate against exact search for candidates: how much of the best 100 is found among 50,000, and how fast.

    python benchmarks/retrieval.py

Texts of generated candidates and queries are encoded as encode does it offline. Found counts what scores no less than
the exact search's hundredth, so that equal scores make no difference. Queries are asked one by one, one thread. The
vectors' search alone is one line; the whole search, with BM25 and the blend of params.yaml, is another. Let nothing
else run meanwhile.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

from benchmarks.measuring import ROOT, Cells, child
from rankpipe import params
from rankpipe.data.neighbours import Search
from rankpipe.fusion.dataset import Candidates
from rankpipe.fusion.encoders.settings import Encode
from rankpipe.fusion.encoders.topics import Topics
from rankpipe.fusion.retrieval import Index, settings_of
from rankpipe.fusion.vectors import Vectors

TOP = 100
WARM = 20


def encoded(folder: Path) -> tuple[Candidates, Vectors, list[str]]:
    """Candidates, vectors and texts of queries."""
    texts = [json.loads(line)["text"] for line in (folder / "candidates.jsonl").open(encoding="utf-8")]
    asked = [json.loads(line)["text"] for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    settings, count = Encode(), len(texts)
    some = [text for text in texts[::max(1, count // settings.fitted)] if text is not None]
    topics = Topics.fit(some, settings.text_dim, settings.least_texts, settings.terms, 0)
    held = Candidates([str(i) for i in range(count)], [None] * count, texts, {}, np.zeros((count, 0), np.int32),
                      np.zeros(count, np.float32), np.full(count, -1, np.int32))
    none, there = np.zeros((count, 1), np.float32), np.ones(count, bool)
    return held, Vectors(none, ~there, topics(texts), there, none, ~there, topics(asked), None), asked


def timed(search, count: int) -> tuple[np.ndarray, float]:
    """What ``search(i)`` gives for each query, end to end, and milliseconds a query."""
    for i in range(min(WARM, count)):
        search(i)
    start = time.perf_counter()
    found = [search(i) for i in range(count)]
    return np.concatenate(found), 1000 * (time.perf_counter() - start) / count


def share(found: np.ndarray, scores: np.ndarray, worst: np.ndarray) -> float:
    """Of the ``TOP`` places: what was found and scores no less than ``worst`` (q,), the exact search's last."""
    return float(((found >= 0) & (scores >= worst[:, None] - 1e-5)).mean())


def measure(folder: Path, walked: int) -> list[dict]:
    held, vectors, asked = encoded(folder)
    plain = settings_of(params.load(ROOT / "params.yaml"))
    settings = {"exact": replace(plain, search=Search()),
                "approximate": replace(plain, search=Search("approximate", walked=walked))}
    built, rows = {}, []
    for kind, one in settings.items():
        start = time.perf_counter()
        built[kind] = Index.build(held, vectors, one), time.perf_counter() - start
    worst: dict[str, np.ndarray] = {}
    exact: dict[str, float] = {}
    for kind, (index, seconds) in built.items():
        for what in ("vectors", "whole"):
            if what == "vectors":
                found, spent = timed(lambda i: index.near.search(vectors.query[i:i + 1], TOP), len(asked))  # noqa: B023
                scores = np.einsum("qd,qnd->qn", vectors.query, index.vectors[np.maximum(found, 0)])
            else:
                both, spent = timed(lambda i: np.stack(index.search(  # noqa: B023
                    asked[i:i + 1], vectors.query[i:i + 1], None, TOP), 1).astype(np.float64), len(asked))
                found, scores = both[:, 0], both[:, 1]
            if kind == "exact":
                worst[what], exact[what] = scores.min(1), spent
            rows.append({"search": kind, "what": what, "candidates": len(held), "queries": len(asked), "top": TOP,
                         "found": share(found, scores, worst[what]), "ms": spent, "times_faster": exact[what] / spent,
                         "build_s": seconds})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--candidates", type=int, default=50_000)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--walked", type=int, default=Search().walked, help="fusion.retrieve.search.walked (128)")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps({"rows": measure(options.one, options.walked)}))
        return
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "fusion"
        child([sys.executable, "-m", "rankpipe.sample", "fusion", "--no-images", "--candidates", options.candidates,
               "--queries", options.queries, "--out", folder, "--seed", 11], cwd=ROOT)
        rest = ["--walked", options.walked]
        found = child([sys.executable, Path(__file__).resolve(), "--one", folder, *rest]).said["rows"]
    Cells("retrieval", fresh=True).publish(found)


if __name__ == "__main__":
    main()
