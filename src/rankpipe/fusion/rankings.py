"""The file of rankings: for each query its candidates, best first, written and then read back."""

import csv
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file

HEADER = ["query_id", "place", "candidate_id", "score"]


def write(path: Path, rankings: Iterable[tuple[str, Sequence[tuple[str, float]]]]) -> None:
    """One line for each place, from 1.

    Args:
        rankings: query id → (candidate id, score), best first.
    """
    with atomic_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for query, ranked in rankings:
            writer.writerows((query, place, candidate, f"{score:.6f}")
                             for place, (candidate, score) in enumerate(ranked, 1))


def check(path: Path, offered: Mapping[str, Sequence[str]], top: int) -> None:
    """Reads the file as its user would, with none of the code that wrote it.

    Args:
        offered: query id → ids of the candidates that were to be ranked, queries in the file's order.
        top: places that a query has, or as many as it has candidates.

    Raises:
        InputError: another header, a query that is missing, doubled or out of order, places that don't count from 1, a
            candidate that wasn't offered or stands there twice, a score that is no number or rises; it names the query.
    """
    expected = iter(offered)
    for query, rows in groupby(_rows(path), key=lambda row: row[0]):
        wanted = next(expected, None)
        if query != wanted:
            raise InputError(f"{path}: query {query} stands where {wanted or 'none'} should")
        lines = list(rows)
        names = [row[2] for row in lines]
        for wrong, what in (
                ([row[1] for row in lines] != [str(i + 1) for i in range(len(lines))], "places don't count from 1"),
                (len(lines) != min(top, len(offered[query])), f"{len(lines)} places, not "
                                                              f"{min(top, len(offered[query]))}"),
                (len(set(names)) < len(names), "a candidate stands there twice"),
                (not set(names) <= set(offered[query]), "a candidate wasn't offered"),
                (not _falling([row[3] for row in lines]), "a score is no number, or rises")):
            if wrong:
                raise InputError(f"{path}: query {query}: {what}")
    missing = next(expected, None)
    if missing is not None:
        raise InputError(f"{path}: query {missing} is missing")


def _falling(words: list[str]) -> bool:
    try:
        scores = [float(word) for word in words]
    except ValueError:
        return False
    return all(map(math.isfinite, scores)) and scores == sorted(scores, reverse=True)


def _rows(path: Path) -> Iterable[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        if next(reader, None) != HEADER:
            raise InputError(f"{path}: the first line is not {','.join(HEADER)}")
        for row in reader:
            if len(row) != len(HEADER):
                raise InputError(f"{path}: line {reader.line_num} has {len(row)} cells, not {len(HEADER)}")
            yield row
