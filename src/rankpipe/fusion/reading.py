"""The raw files as they stand: queries and candidates line by line, judgements in blocks, each fault in one line."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from rankpipe.data.origin import Origin
from rankpipe.data.typed import ids, numbers
from rankpipe.errors import InputError
from rankpipe.fusion.dataset import GRADES
from rankpipe.fusion.source import KEY, Source, inside
from rankpipe.io.delimited import open_table
from rankpipe.io.jsonlines import JsonLinesTable

_BATCH_ROWS = 1 << 16


@dataclass(frozen=True)
class Query:
    """One line of the queries."""

    id: str
    text: str
    domain: str
    constraints: dict[str, str]
    split: str | None
    """The word of a given split, where the reader was asked for it."""


@dataclass(frozen=True)
class Candidate:
    """One line of the candidates."""

    id: str
    image: str | None
    """Path under the source's folder; whether it is there is not looked at."""
    text: str | None
    attributes: dict[str, str]
    """Without gaps."""
    popularity: float | None


@dataclass(frozen=True)
class Judgements:
    """A block of rows, in file order."""

    queries: np.ndarray
    """(n,) int32 position of the query among the known ones."""
    candidates: np.ndarray
    """(n,) int32 the same."""
    grades: np.ndarray
    """(n,) int8."""
    meets: np.ndarray | None
    """(n,) bool, where the file has the column ``meets``."""


def queries(source: Source, split: str | None = None) -> Iterator[Query]:
    """In file order. ``split`` names the key of a given split.

    Raises:
        InputError: missing or damaged file, a line without query_id or text, a value of the wrong kind, an id that
            stands there twice.
    """
    for place, row, id_ in _lines(source.file(source.queries), "query_id"):
        yield Query(id_, _text(row, "text", place, needed=True) or "", _text(row, "domain", place) or "",
                    _pairs(row, "constraints", place), _text(row, split, place) if split else None)


def candidates(source: Source) -> Iterator[Candidate]:
    """In file order.

    Raises:
        InputError: as :func:`queries`; an image outside the folder, a popularity that is missing or no number.
    """
    for place, row, id_ in _lines(source.file(source.candidates), "candidate_id"):
        image = _text(row, "image", place)
        yield Candidate(id_, None if image is None else inside(image, place), _text(row, "text", place),
                        _pairs(row, "attributes", place), _popularity(row, source.popularity, place))


def judgements(source: Source, query_codes: dict[str, int], candidate_codes: dict[str, int]) -> Iterator[Judgements]:
    """Streams the file, without looking for repetitions.

    Raises:
        InputError: missing or damaged file, missing column, an id that no query or candidate has, a grade that isn't
            0, 1, 2 or 3, a ``meets`` that isn't 0 or 1.
    """
    table = open_table(source.file(source.judgements))
    columns = ["query_id", "candidate_id", "grade", *(["meets"] if "meets" in table.names else [])]
    table.require(columns, KEY)
    for first, batch in table.spans(columns, _BATCH_ROWS):
        origin = Origin(str(table.path), np.arange(first, first + batch.num_rows))
        yield Judgements(_known(batch, "query_id", query_codes, source.file(source.queries), origin),
                         _known(batch, "candidate_id", candidate_codes, source.file(source.candidates), origin),
                         _whole(batch, "grade", GRADES, origin).astype(np.int8),
                         _whole(batch, "meets", 2, origin).astype(bool) if "meets" in columns else None)


def doubled(found: Judgements, query_ids: list[str], candidate_ids: list[str], path: Path) -> None:
    """Raises InputError where ``found``, all rows of the file, judges a pair twice."""
    pair = found.queries.astype(np.int64) * len(candidate_ids) + found.candidates
    order = np.argsort(pair, kind="stable")
    again = np.flatnonzero(pair[order][1:] == pair[order][:-1]) + 1
    if len(again):
        row = int(order[again].min())
        first = int(np.flatnonzero(pair == pair[row])[0])
        raise Origin(str(path), np.arange(len(pair))).value(
            "candidate_id", row, f"candidate {candidate_ids[found.candidates[row]]} is judged for query "
                                 f"{query_ids[found.queries[row]]} in row {first} already; drop one of them")


def joined(blocks: list[Judgements]) -> Judgements:
    """One block after the other."""
    if not blocks:
        return Judgements(np.zeros(0, np.int32), np.zeros(0, np.int32), np.zeros(0, np.int8), None)
    meets = [block.meets for block in blocks if block.meets is not None]
    return Judgements(*(np.concatenate([getattr(block, name) for block in blocks])
                        for name in ("queries", "candidates", "grades")), np.concatenate(meets) if meets else None)


def _lines(path: Path, key: str) -> Iterator[tuple[str, dict[str, Any], str]]:
    """(place for errors, line, its id)."""
    seen: dict[str, int] = {}
    number = 0
    for number, row in enumerate(JsonLinesTable(path).objects(), 1):
        place = f"{path}: line {number}"
        if isinstance(row.get(key), bool) or not isinstance(row.get(key), (str, int)) or row[key] == "":
            raise InputError(f"{place}: {key} is {_shown(row, key)}; each line needs an id, text or a whole number")
        id_ = str(row[key])
        if id_ in seen:
            raise InputError(f"{place}: {key} {id_} stands on line {seen[id_]} already; ids must differ")
        seen[id_] = number
        yield place, row, id_


def _text(row: dict[str, Any], key: str, place: str, needed: bool = False) -> str | None:
    value = row.get(key)
    if value is None or value == "":
        if needed:
            raise InputError(f"{place}: {key} is {_shown(row, key)}; each line needs one")
        return None
    if not isinstance(value, str):
        raise InputError(f"{place}: {key} is {_shown(row, key)}; expected text")
    return value


def _pairs(row: dict[str, Any], key: str, place: str) -> dict[str, str]:
    found = row.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise InputError(f"{place}: {key} is {_shown(row, key)}; expected a map from names to values")
    return {name: _word(found, name, f"{place}: {key}") for name in found if found[name] not in (None, "")}


def _word(found: dict[str, Any], name: str, place: str) -> str:
    """2 and 2.0 are one value; so are true and true, but not true and "True"."""
    value = found[name]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return str(int(value))
    if isinstance(value, (str, int, float)) and not (isinstance(value, float) and not math.isfinite(value)):
        return str(value)
    raise InputError(f"{place}.{name} is {_shown(found, name)}; expected text, a number or true or false")


def _popularity(row: dict[str, Any], key: str | None, place: str) -> float | None:
    if key is None:
        return None
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise InputError(f"{place}: {key} is {_shown(row, key)}; expected a finite number; without one, set "
                         f"{KEY}.popularity to null")
    return float(value)


def _shown(row: dict[str, Any], key: str) -> str:
    return f"{row[key]!r:.60}" if key in row else "missing"


def _known(batch: pa.RecordBatch, column: str, codes: dict[str, int], path: Path, origin: Origin) -> np.ndarray:
    encoded = ids(batch.column(column), column, origin).dictionary_encode()
    words = encoded.dictionary.to_pylist()
    found = np.array([codes.get(word, -1) for word in words], np.int32)[encoded.indices.to_numpy()]
    wrong = np.flatnonzero(found < 0)
    if len(wrong):
        i = int(wrong[0])
        raise origin.value(column, i, f"no line of {path} has the id {encoded[i].as_py()}; add it there, or drop "
                                   "the row")
    return found


def _whole(batch: pa.RecordBatch, column: str, count: int, origin: Origin) -> np.ndarray:
    """(n,) float64 whole numbers in [0, count)."""
    found = numbers(batch.column(column), column, origin)
    bad = np.flatnonzero(~((found >= 0) & (found < count) & (found == np.floor(found))))
    if len(bad):
        i = int(bad[0])
        what = "missing" if np.isnan(found[i]) else f"{found[i]:g}"
        raise origin.value(column, i, f"{column} is {what}; it must be a whole number from 0 to {count - 1}")
    return found
