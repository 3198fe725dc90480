"""The submission: as many distinct unseen items for every user as the task asks for, written and then read back."""

import csv
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file

HEADER = ["user", "item"]


def write(path: Path, items: np.ndarray, user_names: Sequence[str], item_names: Sequence[str]) -> None:
    """One line for each place of the lists ``items`` (U, k), users in order of their codes, best item first."""
    with atomic_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(HEADER)
        for user, row in zip(user_names, items.tolist(), strict=True):
            writer.writerows((user, item_names[item]) for item in row)


def check(path: Path, seen: csr_matrix, user_names: Sequence[str], item_names: Sequence[str], k: int) -> None:
    """Reads the file as its judge would, with none of the code that wrote it.

    Args:
        seen: (U, I), what no user may be recommended.

    Raises:
        InputError: another header, a user who is missing, unknown, doubled or out of order, another number of items
            than ``k``, an item that is unknown, doubled or seen; the user is named.
    """
    codes = {name: code for code, name in enumerate(item_names)}
    expected = iter(user_names)
    count = 0
    for user, rows in groupby(_rows(path), key=lambda row: row[0]):
        wanted = next(expected, None)
        if user != wanted:
            raise InputError(f"{path}: user {user} stands where {wanted or 'nobody'} should; every user of the data "
                             "must stand there once, in order")
        items = [item for _, item in rows]
        if len(items) != k:
            raise InputError(f"{path}: user {user} has {len(items)} items, not {k}")
        if len(set(items)) != k:
            raise InputError(f"{path}: user {user} has an item twice")
        known = set(seen.indices[seen.indptr[count]:seen.indptr[count + 1]].tolist())
        for item in items:
            if item not in codes:
                raise InputError(f"{path}: user {user} has item {item}, which the data don't hold")
            if codes[item] in known:
                raise InputError(f"{path}: user {user} has item {item}, which the user took before")
        count += 1
    missing = next(expected, None)
    if missing is not None:
        raise InputError(f"{path}: user {missing} is missing; {count} of {len(user_names)} are there")


def _rows(path: Path) -> Iterator[list[str]]:
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        if next(reader, None) != HEADER:
            raise InputError(f"{path}: the first line is not {','.join(HEADER)}")
        for row in reader:
            if len(row) != len(HEADER):
                raise InputError(f"{path}: line {reader.line_num} has {len(row)} cells, not {len(HEADER)}")
            yield row
