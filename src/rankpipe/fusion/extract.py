"""Chooses the queries of one size and splits them, so that no candidate, nor a near-duplicate, stands in two splits.

Nothing is copied: the output marks raw rows, and convert reads them again. Memory: the ids of all candidates, the texts
of the judged ones, 20 bytes a judgement; images stream by.
"""

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from rankpipe import params, paths
from rankpipe.data.near import normalised
from rankpipe.data.sampling import word_key
from rankpipe.data.splits import SPLITS, UNUSED
from rankpipe.errors import InputError, nearest
from rankpipe.fusion import plain, reading, splits
from rankpipe.fusion.dataset import GRADES, TRACK
from rankpipe.fusion.groups import Near, group
from rankpipe.fusion.reading import Judgements
from rankpipe.fusion.source import Source, source
from rankpipe.fusion.splits import Asked
from rankpipe.io.arrays import put_all
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.jobs import Jobs
from rankpipe.io.json import write_json
from rankpipe.params import bounded

SELECTION = "selection.h5"
DIAGNOSTICS = "diagnostics.json"


@dataclass(frozen=True)
class Size:
    """One entry of ``fusion.extract.sizes``."""

    queries: int | None = bounded(None, low=3)
    """None takes all; a size holds the queries of every smaller one."""
    candidates: int | None = bounded(None, low=1)
    """None takes the whole catalogue, else the judged ones and, up to this number, others by hash."""


@dataclass(frozen=True)
class Extract:
    """The block ``fusion.extract`` of params.yaml."""

    sizes: dict[str, Size]
    split: Literal["random", "given"] = "random"
    valid: float = bounded(0.2, above=0, below=1)
    test: float = bounded(0.2, above=0, below=1)
    crossing: Literal["together", "drop"] = "together"
    given: str | None = None
    """For the split of that name: the key of the queries that says train, valid or test."""
    near: Near = field(default_factory=Near)

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid {self.valid:g} and test {self.test:g} leave nothing to train on")


def extract(size: str) -> None:
    """Writes ``diagnostics.json`` and ``selection.h5``.

    The latter holds queries (raw queries,) uint8 marks, candidates (raw candidates,) bool, groups (raw candidates,)
    int64, the lowest raw candidate of its group and −1 where not judged, judgements (raw judgements,) bool.

    Raises:
        InputError: unknown size, missing or damaged file, a bad line, a damaged image, a split that can't be kept
            free of leaks or that is empty.
    """
    values = params.load()
    settings = params.block(Extract, params.get(values, "fusion.extract"), "params.yaml: fusion.extract")
    jobs = params.block(Jobs, params.get(values, "jobs"), "params.yaml: jobs")
    seed, raw = params.seed(values), source(values)
    if size not in settings.sizes:
        raise InputError(f"params.yaml: fusion.extract.sizes: no size '{size}'; {nearest(size, settings.sizes)}")
    wanted = settings.sizes[size]
    if raw.letor is not None:
        def draw(codes: np.ndarray, names: list[str]) -> np.ndarray:
            return _drawn(codes, names, wanted.queries, seed, "sample")

        plain.extract(paths.selection(size, TRACK), DIAGNOSTICS, SELECTION, raw, draw, settings.valid, settings.test,
                      seed)
        return
    if settings.split == "given" and settings.given is None:
        raise InputError(f"params.yaml: fusion.extract.given: name the key of {raw.file(raw.queries)} that says train, "
                         "valid or test, since split is given")
    queries = list(reading.queries(raw, settings.given if settings.split == "given" else None))
    ids = [candidate.id for candidate in reading.candidates(raw)]
    rows = _judged(raw, [query.id for query in queries], ids)

    judged = np.flatnonzero(np.bincount(rows.queries, minlength=len(queries)) >= splits.FEWEST)
    if not len(judged):
        raise InputError(f"{raw.file(raw.judgements)}: no query has two candidates judged; there is nothing to rank")
    if wanted.queries is not None and wanted.queries > len(judged):
        print(f"size {size} asks for {wanted.queries} queries, {len(judged)} are judged: all are taken")
    chosen = _drawn(judged, [queries[i].id for i in judged], wanted.queries, seed, "sample")
    place = np.full(len(queries), -1)
    place[chosen] = np.arange(len(chosen))
    used = np.flatnonzero(place[rows.queries] >= 0)
    members, member = np.unique(rows.candidates[used], return_inverse=True)
    near = group([c for i, c in zip(_holds(members, len(ids)), reading.candidates(raw), strict=True) if i], raw,
                 settings.near, jobs.workers, f"extract {size}")
    texts = np.unique([normalised(queries[i].text) for i in chosen], return_inverse=True)[1]
    asked = Asked([queries[i].id for i in chosen], texts, place[rows.queries[used]].astype(np.int32), near.of[member])
    marks, kept, lost = _split(settings, asked, [queries[i].split for i in chosen], seed, raw)

    of_queries, of_groups = np.zeros(len(queries), np.uint8), np.full(len(ids), -1, np.int64)
    of_queries[chosen], of_groups[members] = marks, members[near.of]
    taken = _holds(members, len(ids)) | _others(members, ids, wanted.candidates, seed)
    of_judgements = np.zeros(len(rows.queries), bool)
    of_judgements[used[kept]] = True
    with atomic_folder(paths.selection(size, TRACK)) as folder:
        put_all(folder / SELECTION, {"queries": of_queries, "candidates": taken, "groups": of_groups,
                                     "judgements": of_judgements})
        write_json(folder / DIAGNOSTICS, {
            "seed": seed, "split": settings.split, "crossing": settings.crossing, "requested_queries": wanted.queries,
            "took_all": wanted.queries is None or wanted.queries >= len(judged),
            "raw_queries": len(queries), "raw_candidates": len(ids), "raw_judgements": len(rows.queries),
            "queries_without_slate": len(queries) - len(judged), "candidates": int(taken.sum()),
            "judged_candidates": len(members), **near.counts, **lost,
            "splits": {name: _of_split(asked, kept & (marks[asked.queries] == mark), rows.grades[used], member)
                       for name, mark in SPLITS.items()}})


def _judged(raw: Source, queries: list[str], candidates: list[str]) -> Judgements:
    codes = ({id_: i for i, id_ in enumerate(ids)} for ids in (queries, candidates))
    rows = reading.joined(list(reading.judgements(raw, *codes)))
    reading.doubled(rows, queries, candidates, raw.file(raw.judgements))
    return rows


def _split(settings: Extract, asked: Asked, given: list[str | None], seed: int, raw: Source,
           ) -> tuple[np.ndarray, np.ndarray, dict[str, Any]]:
    """(Q,) marks, (m,) bool judgements that are kept, and the counts of what happened."""
    drop = settings.crossing == "drop"
    if settings.split == "given":
        marks = _given(asked.ids, given, raw, settings.given)
    else:
        marks = (splits.by_query if drop else splits.together)(asked, settings.valid, settings.test, seed)
    crosses = splits.crossing(asked, marks)
    if crosses.any() and not drop:
        row = int(np.flatnonzero(crosses)[0])
        other = int(np.flatnonzero((asked.groups == asked.groups[row]) & (marks[asked.queries] > marks[
            asked.queries[row]]))[0])
        one, two = asked.ids[asked.queries[row]], asked.ids[asked.queries[other]]
        raise InputError(f"{raw.file(raw.queries)}: the given split puts queries {one} and {two} apart, which judge "
                         f"the same candidate or near-duplicates of it ({int(crosses.sum())} judgements cross so); "
                         "give them one split, or set params.yaml: fusion.extract.crossing to drop")
    short = splits.too_short(asked, ~crosses)
    components = np.bincount(asked.components())
    counts = {"components": len(components), "largest_component": int(components.max()),
              "dropped_judgements": {name: int((crosses & (marks[asked.queries] == mark)).sum())
                                     for name, mark in SPLITS.items()},
              "dropped_queries": {name: int((short & (marks == mark)).sum()) for name, mark in SPLITS.items()}}
    marks = np.where(short, UNUSED, marks).astype(np.uint8)
    for name, mark in SPLITS.items():
        if not (marks == mark).any():
            raise InputError(f"{raw.file(raw.queries)}: split {settings.split}, crossing {settings.crossing}: '{name}' "
                             "is empty; take more queries, or another split (params.yaml: fusion.extract)")
    return marks, ~crosses & (marks[asked.queries] != UNUSED), counts


def _given(ids: list[str], words: list[str | None], raw: Source, key: str | None) -> np.ndarray:
    for id_, word in zip(ids, words, strict=True):
        if word not in SPLITS:
            raise InputError(f"{raw.file(raw.queries)}: query {id_}: {key} is {word!r:.40}; it must be train, "
                             "valid or test, since params.yaml: fusion.extract.split is given")
    return np.array([SPLITS[str(word)] for word in words], np.uint8)


def _drawn(codes: np.ndarray, ids: list[str], count: int | None, seed: int, purpose: str) -> np.ndarray:
    """The ``count`` codes whose ids have the lowest hash, rising."""
    if count is None or count >= len(codes):
        return codes
    keys = np.array([word_key(seed, purpose, id_) for id_ in ids], np.uint64)
    return np.sort(codes[np.argsort(keys, kind="stable")[:count]])


def _others(members: np.ndarray, ids: list[str], count: int | None, seed: int) -> np.ndarray:
    """(C,) bool: candidates that nobody judged, to fill the catalogue up to ``count``."""
    rest = np.flatnonzero(~_holds(members, len(ids)))
    left = None if count is None else max(0, count - len(members))
    return _holds(_drawn(rest, [ids[i] for i in rest], left, seed, "catalogue"), len(ids))


def _holds(members: np.ndarray, n: int) -> np.ndarray:
    found = np.zeros(n, bool)
    found[members] = True
    return found


def _of_split(asked: Asked, inside: np.ndarray, grades: np.ndarray, member: np.ndarray) -> dict[str, Any]:
    return {"queries": len(np.unique(asked.queries[inside])), "judgements": int(inside.sum()),
            "candidates": len(np.unique(member[inside])),
            "grades": dict(zip("0123", np.bincount(grades[inside], minlength=GRADES).tolist(), strict=True))}
