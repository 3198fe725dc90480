"""Turns the chosen queries, candidates and judgements into codes and ragged slates.

Nothing but the starting order depends on the order of lines. Memory: the texts of the chosen queries and candidates and
20 bytes a judgement.
"""

from dataclasses import dataclass

import numpy as np

from rankpipe import params, paths
from rankpipe.data.order import ordered
from rankpipe.data.splits import TRAIN, UNUSED
from rankpipe.errors import InputError
from rankpipe.fusion import plain, reading, table
from rankpipe.fusion.dataset import TRACK, Candidates, Dataset, Queries, Slates, check
from rankpipe.fusion.extract import SELECTION
from rankpipe.fusion.reading import Candidate, Query
from rankpipe.fusion.source import Source, source
from rankpipe.io.arrays import ArraysReader
from rankpipe.io.atomic import atomic_folder


@dataclass(frozen=True)
class Selection:
    """What extract chose; each array belongs to the raw rows of a file."""

    queries: np.ndarray
    candidates: np.ndarray
    groups: np.ndarray
    judgements: np.ndarray


def convert(size: str) -> None:
    """Writes the folder ``table``; :mod:`rankpipe.fusion.table` has the layout.

    Raises:
        InputError: missing or damaged file, or a selection of other files than these.
    """
    params.only(params.get(params.load(), "fusion.convert"), (), "params.yaml: fusion.convert")
    raw = source(params.load())
    if raw.letor is not None:
        plain.convert(paths.table(size, TRACK), paths.selection(size, TRACK) / SELECTION, raw)
        return
    chosen = selection(size)
    queries = list(reading.queries(raw))
    _same(len(queries), len(chosen.queries), raw, raw.queries)
    asked = np.flatnonzero(chosen.queries != UNUSED)
    asked = asked[ordered([queries[i].id for i in asked])]
    found, ids = _candidates(raw, chosen)
    order = ordered([candidate.id for candidate in found])
    taken = np.flatnonzero(chosen.candidates)[order]
    found = [found[i] for i in order]
    slates = _slates(raw, chosen, [q.id for q in queries], ids, _place(asked, len(queries)), _place(taken, len(ids)))
    attributes, codes, constraints = _coded(found, [queries[i] for i in asked])
    split = (chosen.queries[asked] - TRAIN).astype(np.uint8)
    data = Dataset(
        Candidates([c.id for c in found], [c.image for c in found], [c.text for c in found], attributes, codes,
                   _popularity(found, slates, split), _groups(chosen.groups[taken], taken, len(ids))),
        Queries([queries[i].id for i in asked], [queries[i].text for i in asked], [queries[i].domain for i in asked],
                constraints, split), slates)
    check(data, str(raw.root))
    with atomic_folder(paths.table(size, TRACK)) as folder:
        table.write(folder, data)


def selection(size: str) -> Selection:
    """Raises InputError where it is missing or damaged."""
    with ArraysReader(paths.selection(size, TRACK) / SELECTION, "run extract (dvc repro)") as file:
        return Selection(*(file.read(name) for name in ("queries", "candidates", "groups", "judgements")))


def _same(found: int, expected: int, raw: Source, name: str) -> None:
    if found != expected:
        raise InputError(f"{raw.file(name)}: has {found} rows and the selection {expected}; run extract again")


def _candidates(raw: Source, chosen: Selection) -> tuple[list[Candidate], list[str]]:
    """Those chosen in file order, and the ids of all."""
    found, ids = [], []
    for row, candidate in enumerate(reading.candidates(raw)):
        ids.append(candidate.id)
        if row < len(chosen.candidates) and chosen.candidates[row]:
            found.append(candidate)
    _same(len(ids), len(chosen.candidates), raw, raw.candidates)
    return found, ids


def _slates(raw: Source, chosen: Selection, query_ids: list[str], candidate_ids: list[str], query_place: np.ndarray,
            candidate_place: np.ndarray) -> Slates:
    blocks, count = [], 0
    codes = ({id_: i for i, id_ in enumerate(ids)} for ids in (query_ids, candidate_ids))
    for block in reading.judgements(raw, *codes):
        keep = chosen.judgements[count:count + len(block.queries)]
        count += len(block.queries)
        if len(keep) == len(block.queries):
            blocks.append(reading.Judgements(*(None if x is None else x[keep] for x in (
                query_place[block.queries], candidate_place[block.candidates], block.grades, block.meets))))
    _same(count, len(chosen.judgements), raw, raw.judgements)
    rows = reading.joined(blocks)
    order = np.argsort(rows.queries, kind="stable")  # within a query the order of the file: the starting order
    lengths = np.bincount(rows.queries, minlength=int((query_place >= 0).sum()))
    return Slates(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), rows.candidates[order].astype(np.int32),
                  rows.grades[order], None if rows.meets is None else rows.meets[order])


def _coded(found: list[Candidate], asked: list[Query]) -> tuple[dict[str, list[str]], np.ndarray, np.ndarray]:
    """Attributes by name with their values, and the codes of candidates and of constraints."""
    values: dict[str, set[str]] = {}
    for pairs in (*(c.attributes for c in found), *(q.constraints for q in asked)):
        for name, value in pairs.items():
            values.setdefault(name, set()).add(value)
    names = sorted(values)
    attributes = {name: [words[i] for i in ordered(words)] for name in names for words in [sorted(values[name])]}
    codes = {name: {value: i for i, value in enumerate(words)} for name, words in attributes.items()}
    candidates, constraints = (
        np.array([[codes[name].get(pairs.get(name, ""), -1) for name in names] for pairs in rows], np.int32)
        .reshape(len(rows), len(names))
        for rows in ([c.attributes for c in found], [q.constraints for q in asked]))
    return attributes, candidates, constraints


def _popularity(found: list[Candidate], slates: Slates, split: np.ndarray) -> np.ndarray:
    if found[0].popularity is not None:
        return np.array([c.popularity for c in found], np.float32)
    train = split[slates.queries] == 0
    return np.bincount(slates.candidates[train], slates.grades[train], len(found)).astype(np.float32)


def _groups(groups: np.ndarray, taken: np.ndarray, n: int) -> np.ndarray:
    """(C,) int32 numbered by the lowest code of each group; −1 stays."""
    lowest = np.full(n, len(taken))
    judged = np.flatnonzero(groups >= 0)
    np.minimum.at(lowest, groups[judged], judged)
    found = np.full(len(taken), -1, np.int32)
    found[judged] = np.unique(lowest[groups[judged]], return_inverse=True)[1]
    return found


def _place(rows: np.ndarray, n: int) -> np.ndarray:
    """(n,) int32 code of each raw row, −1 where it is not among ``rows``."""
    found = np.full(n, -1, np.int32)
    found[rows] = np.arange(len(rows))
    return found
