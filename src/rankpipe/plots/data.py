"""CSV files behind DVC plots: few points, few digits, the same bytes each time."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rankpipe.io.atomic import atomic_file


def write_csv(path: str | Path, records: Iterable[Mapping[str, Any]], columns: Sequence[str] | None = None,
              digits: int = 6) -> None:
    """One line a record; floats rounded to ``digits`` places, None as nothing.

    Args:
        columns: names for the first line; those of the first record where none are given.

    Raises:
        ValueError: neither columns nor records, or a record with other keys than the columns.
    """
    records = list(records)
    if columns is None and not records:
        raise ValueError(f"{path}: neither columns nor records to write")
    with atomic_file(path) as partial, partial.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, columns or list(records[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _text(v, digits) for k, v in record.items()} for record in records)


def _text(value: Any, digits: int) -> Any:
    if isinstance(value, float):
        value = round(value, digits)
        return 0.0 if value == 0 else value
    return "" if value is None else value


def thinned(count: int, points: int) -> list[int]:
    """At most ``points`` indices of ``count``, evenly spread, first and last among them."""
    if count <= points:
        return list(range(count))
    return sorted({round(i * (count - 1) / (points - 1)) for i in range(points)})
