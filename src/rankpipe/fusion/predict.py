"""Ranks candidates for queries that nobody graded with the chosen model, and writes the rankings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.choice import chosen
from rankpipe.data.origin import Origin
from rankpipe.data.typed import ids
from rankpipe.errors import InputError
from rankpipe.fusion import encoders, rankings, reading
from rankpipe.fusion.choice import BETTER, BY
from rankpipe.fusion.dataset import TRACK, Dataset
from rankpipe.fusion.examples import read
from rankpipe.fusion.plain import PlainSource
from rankpipe.fusion.retrieval import found_for, retrieved
from rankpipe.fusion.scoring import Scorer, load_model, score_all
from rankpipe.fusion.serving import Asked, Ranker
from rankpipe.fusion.source import Source, source
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.delimited import open_table
from rankpipe.io.json import write_json
from rankpipe.metrics.slates import best_first
from rankpipe.params import bounded

RANKINGS = "rankings.csv"
SUMMARY = "prediction.json"
Done = Callable[[int], object]


@dataclass(frozen=True)
class Predict:
    """The block ``fusion.predict`` of params.yaml."""

    model: str = "best"
    """A model id, or ``best``: the greatest nDCG@10 on valid."""
    queries: str | None = None
    """A file as queries.jsonl, beside it; None: the queries of test, as if nobody had graded them."""
    candidates: str | None = None
    """A table of query_id and candidate_id, beside it; None: what retrieval finds in the catalogue."""
    retrieved: int = bounded(100, low=1)
    """Candidates that are found for each query."""
    top: int = bounded(10, low=1)
    """Places of each query in the file."""
    batch_queries: int = bounded(64, low=1)


@dataclass(frozen=True)
class Wanted:
    """Queries by id, and the candidates offered to each."""

    ids: list[str]
    asked: list[Asked]
    offered: list[list[str]]


def predict(size: str) -> None:
    """Writes ``rankings.csv`` (query_id, place, candidate_id, score), and ``prediction.json`` beside it.

    Memory: that of the catalogue and of one batch of queries.

    Raises:
        InputError: a missing or damaged input, an unknown attribute or candidate, a query without candidates, a breach
            in the written file.
    """
    values = params.load()
    settings = params.block(Predict, params.get(values, "fusion.predict"), "params.yaml: fusion.predict")
    model, raw, held = chosen(TRACK, size, settings.model, BY, BETTER), source(values), read(size)
    scorer = load_model(paths.model(size, TRACK, model), values.get("device", "cpu"))
    plain = isinstance(held, PlainSource)
    wanted = _graded(held) if plain else _wanted(size, settings, raw, held.data)
    with atomic_folder(paths.predictions(size, TRACK)) as folder:
        with progress.bar(len(wanted.ids), f"predict {size}", "query") as bar:
            ranked = _plain(scorer, held, wanted, settings.top, bar.update) if plain else _ranked(
                Ranker(scorer, held.data.candidates, held.vectors, held.bm25,
                       encoders.load(paths.features(size, TRACK))), wanted, settings, bar.update)
            rankings.write(folder / RANKINGS, ranked)
        offered = dict(zip(wanted.ids, wanted.offered, strict=True))
        rankings.check(folder / RANKINGS, offered, settings.top)
        write_json(folder / SUMMARY, {"model": model, "queries": len(wanted.ids), "top": settings.top,
                                      "candidates": settings.candidates or f"{settings.retrieved} retrieved",
                                      "offered": sum(map(len, wanted.offered))})


def _ranked(ranker: Ranker, wanted: Wanted, settings: Predict, done: Done,
            ) -> Iterator[tuple[str, Sequence[tuple[str, float]]]]:
    for start in range(0, len(wanted.ids), settings.batch_queries):
        some = slice(start, start + settings.batch_queries)
        slates = wanted.offered[some]
        for query, names, scores in zip(wanted.ids[some], slates, ranker.scores(wanted.asked[some], slates),
                                        strict=True):
            codes = np.array([ranker.codes[name] for name in names])
            yield query, _first(names, scores, codes, settings.top)
            done(1)


def _plain(scorer: Scorer, held: PlainSource, wanted: Wanted, top: int, done: Done,
           ) -> Iterator[tuple[str, Sequence[tuple[str, float]]]]:
    test = held.examples("test")
    for query, names, scores in zip(wanted.ids, wanted.offered, np.split(score_all(scorer, test),
                                                                         test.slates.offsets[1:-1]), strict=True):
        yield query, _first(names, scores, np.arange(len(names)), top)
        done(1)


def _first(names: list[str], scores: np.ndarray, codes: np.ndarray, top: int) -> list[tuple[str, float]]:
    order = best_first(np.array([0, len(names)]), scores, codes)[:top]
    return [(names[i], float(scores[i])) for i in order.tolist()]


def _graded(held: PlainSource) -> Wanted:
    """The slates of test: features of any other pair aren't known."""
    codes, slates = held.data.of("test")
    names = [held.data.candidates.ids[c] for c in slates.candidates.tolist()]
    return Wanted([held.data.queries.ids[q] for q in codes.tolist()], [],
                  [names[a:b] for a, b in pairwise(slates.offsets.tolist())])


def _wanted(size: str, settings: Predict, raw: Source, data: Dataset) -> Wanted:
    if settings.queries is None:
        codes, names = data.queries.of("test"), list(data.candidates.attributes)
        asked = [Asked(data.queries.texts[q], {names[a]: data.candidates.attributes[names[a]][v] for a, v in
                                               enumerate(data.queries.constraints[q].tolist()) if v >= 0})
                 for q in codes.tolist()]
        query_ids = [data.queries.ids[q] for q in codes.tolist()]
    else:
        codes, lines = None, list(reading.queries(replace(raw, queries=settings.queries)))
        asked, query_ids = [Asked(line.text, line.constraints) for line in lines], [line.id for line in lines]
    if not query_ids:
        raise InputError(f"{raw.file(settings.queries or raw.queries)}: holds no queries; there is nothing to rank")
    if settings.candidates is not None:
        return Wanted(query_ids, asked, _given(raw, settings.candidates, query_ids, data.candidates.ids))
    found = retrieved(size, codes, settings.retrieved) if codes is not None else found_for(
        size, [one.text for one in asked], settings.retrieved)
    return Wanted(query_ids, asked, [[data.candidates.ids[c] for c in row[row >= 0].tolist()] for row in found])


def _given(raw: Source, name: str, query_ids: list[str], known: list[str]) -> list[list[str]]:
    """The candidates of each query, in the file's order."""
    table = open_table(raw.file(name))
    table.require(["query_id", "candidate_id"], "params.yaml: fusion.predict.candidates")
    offered: dict[str, dict[str, None]] = {query: {} for query in query_ids}
    catalogue = set(known)
    for first, batch in table.spans(["query_id", "candidate_id"], 1 << 16):
        origin = Origin(str(table.path), np.arange(first, first + batch.num_rows))
        pairs = zip(*(ids(batch.column(i), column, origin).to_pylist()
                      for i, column in enumerate(("query_id", "candidate_id"))), strict=True)
        for row, (query, candidate) in enumerate(pairs):
            if query not in offered:
                raise origin.value("query_id", row, f"no query has the id {query}")
            if candidate not in catalogue:
                raise origin.value("candidate_id", row, f"candidate {candidate} is not in the catalogue of this size")
            if candidate in offered[query]:
                raise origin.value("candidate_id", row, f"candidate {candidate} is given twice for query {query}")
            offered[query][candidate] = None
    for query, names in offered.items():
        if not names:
            raise InputError(f"{table.path}: gives query {query} no candidate; give it some, or leave the query out")
    return [list(names) for names in offered.values()]
