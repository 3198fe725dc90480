"""Where the raw files lie and how their columns are named."""

from dataclasses import dataclass, field
from typing import Any, Literal

from rankpipe import params


@dataclass(frozen=True)
class InteractionsFile:
    """One row for each time a user took an item: csv, tsv, RecBole's .inter, or parquet."""

    path: str
    user: str = "user"
    item: str = "item"
    time: str | None = None
    """Seconds since 1970, or dates; None where there are none."""
    rating: str | None = None
    min_rating: float | None = None
    """Rows below it are no interactions."""
    separator: str | None = None
    """Between columns; None: by the file's ending."""

    def __post_init__(self) -> None:
        if self.min_rating is not None and self.rating is None:
            raise ValueError("min_rating needs the column rating; name it")


@dataclass(frozen=True)
class FieldColumn:
    """A side field: pairs of an id and a value, read from any table. An id may have many rows, one, or none."""

    path: str
    id: str
    column: str
    kind: Literal["category", "number", "title_year"] = "category"
    """number: put into buckets; title_year: the number in "Toy Story (1995)"."""
    split: str | None = None
    """What parts several values in one cell, such as a blank; None: a cell is one value."""
    missing: tuple[str, ...] = ()
    """Words that stand for no value."""
    separator: str | None = None
    otherwise: "FieldColumn | None" = None
    """Where users or items without a value here are looked up next."""

    def __post_init__(self) -> None:
        if self.split == "":
            raise ValueError("split must be a character or more; leave it out where a cell is one value")
        if self.otherwise and (self.otherwise.kind == "category") != (self.kind == "category"):
            raise ValueError("otherwise must be of the same kind, words or numbers")


@dataclass(frozen=True)
class Source:
    """The block ``topk.source`` of params.yaml."""

    interactions: InteractionsFile
    item_fields: dict[str, FieldColumn] = field(default_factory=dict)
    user_fields: dict[str, FieldColumn] = field(default_factory=dict)

    def __post_init__(self) -> None:
        both = sorted(set(self.item_fields) & set(self.user_fields))
        if both:
            raise ValueError(f"field '{both[0]}' is one of items and of users; rename one")


def source(values: dict[str, Any]) -> Source:
    """The block as it stands in ``values``, the whole of params.yaml."""
    return params.block(Source, params.get(values, "topk.source"), "params.yaml: topk.source")
