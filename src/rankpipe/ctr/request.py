"""A row that fits a schema and is nobody's: what a bundle's sample request holds."""

from typing import Any

from rankpipe.data.encoders import Encoders
from rankpipe.data.schema import SequenceGroup

ITEMS = 5
NOW = 1_600_000_000
"""Unix seconds for the timestamps of a row that has none of its own."""


def typical_row(encoders: Encoders) -> dict[str, Any]:
    """The most frequent word of each column, the fill value of each numeric, and sequences of the most frequent items.

    Put together from the encoders alone: no person's row leaves with a bundle, and no raw data are needed to push.
    """
    schema = encoders.schema
    row: dict[str, Any] = {c: _first(encoders.vocabularies[c].values) for c in schema.categorical}
    # By way of text, so that the float32 5.2 isn't written as 5.199999809265137.
    row |= {c: float(str(encoders.scaler.fill[i])) for i, c in enumerate(schema.numeric)}
    for name, group in schema.sequence.items():
        row |= _sequence(name, group, encoders)
        if group.timestamps and schema.timestamp:
            row[schema.timestamp] = NOW
    return {c: row[c] for c in schema.features()}


def _sequence(name: str, group: SequenceGroup, encoders: Encoders) -> dict[str, str]:
    known = {f: encoders.vocabularies[f"{name}.{f}"].values for f in group.fields}
    n = ITEMS if all(known.values()) else 0
    # Fields with fewer values than items begin again.
    row = {column: group.separator.join(str(known[f][i % len(known[f])]) for i in range(n))
           for f, column in group.fields.items()}
    if group.timestamps:
        row[group.timestamps] = group.separator.join(str(NOW - 3600 * (n - i)) for i in range(n))
    return row


def _first(values: tuple[Any, ...]) -> str | None:
    return str(values[0]) if values else None
