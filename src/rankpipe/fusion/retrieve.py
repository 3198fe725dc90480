"""Finds the candidates of each query in the whole catalogue, and measures how many of the relevant ones were found."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.fusion import dataset, vectors
from rankpipe.fusion.dataset import TRACK, Dataset
from rankpipe.fusion.plain import is_plain
from rankpipe.fusion.retrieval import FOUND, RECALL, Index, Retrieve, Weights, recall_at_n, settings_of
from rankpipe.fusion.vectors import Vectors
from rankpipe.io.arrays import ArraysWriter
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json

CUTOFFS = (10, 50, 100)
_QUERIES = 256
"""Searched at a time."""


def retrieve(size: str) -> None:
    """Writes ``build/<size>/fusion/retrieved``: codes and scores of all queries, and ``recall.json``, recall on test of
    the blend and of words and vectors alone.

    Raises:
        InputError: convert or encode hasn't run, or a file is damaged.
    """
    values = params.load()
    settings = settings_of(values)
    with atomic_folder(paths.retrieved(size, TRACK)) as folder:
        if is_plain(size):
            write_json(folder / RECALL, {})  # features alone: there is nothing to search
            return
        data, held = dataset.read(size), vectors.read(size)
        index = Index.build(data.candidates, held, settings, int(values.get("threads", 1)))
        with progress.bar(len(data.queries), f"retrieve {size}", "query") as bar, \
                ArraysWriter(folder / FOUND) as file:
            file.grow("candidates", "<i4", (settings.top,))
            file.grow("scores", "<f4", (settings.top,))
            for some, codes, scores in _searched(index, data, held, np.arange(len(data.queries))):
                file.append("candidates", codes)
                file.append("scores", scores)
                bar.update(len(some))
        write_json(folder / RECALL, recall(index, data, held))


def recall(index: Index, data: Dataset, held: Vectors) -> dict[str, float]:
    """Name → mean over the queries of test that have anything relevant; only judged candidates can be relevant."""
    codes, slates = data.of("test")
    good = slates.grades >= index.settings.relevant
    offsets = np.concatenate([[0], np.cumsum(np.bincount(slates.queries[good], minlength=len(codes)))])
    relevant = slates.candidates[good]
    found = {}
    for part, settings in _alone(index.settings).items():
        rows = [some for _, some, _ in _searched(replace(index, settings=settings), data, held, codes)]
        cutoffs = [n for n in CUTOFFS if n <= settings.top]
        for n in cutoffs if part == "" else cutoffs[-1:]:
            shares = recall_at_n(np.concatenate(rows), offsets, relevant, n)
            if np.isfinite(shares).any():
                found[f"recall_at_{n}{part}"] = float(np.nanmean(shares))
    return found


def _alone(settings: Retrieve) -> dict[str, Retrieve]:
    """End of a name → settings of the blend, and of each part of it by itself."""
    parts = [name for name in ("words", "text", "image") if getattr(settings.weights, name) > 0]
    found = {"": settings}
    for name in parts if len(parts) > 1 else ():
        alone = Weights(**{other: float(other == name) for other in ("words", "text", "image")})
        found[f"_by_{name}"] = replace(settings, weights=alone, diversity=0.0)
    return found


def _searched(index: Index, data: Dataset, held: Vectors, codes: np.ndarray,
              ) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(queries, codes found, scores) of some of ``codes`` at a time."""
    for start in range(0, len(codes), _QUERIES):
        some = codes[start:start + _QUERIES]
        image = None if held.query_image is None else held.query_image[some]
        texts = [data.queries.texts[i] for i in some.tolist()]
        yield some, *index.search(texts, held.query[some], image, index.settings.top)
