"""Where the raw files lie and how their columns are named."""

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Protocol

from rankpipe import params
from rankpipe.errors import InputError, nearest
from rankpipe.io.delimited import open_table
from rankpipe.io.jsonlines import JsonLinesTable, is_json_lines
from rankpipe.params import bounded

USER_STATS = ("review_count", "useful", "compliment", "fans", "average_stars")
ITEM_STATS = ("review_count", "stars")


@dataclass(frozen=True)
class Reviews:
    """One row for each rating: JSON lines (also .gz), csv, tsv, RecBole's .inter, or parquet."""

    path: str
    user: str = "user_id"
    item: str = "item_id"
    rating: str = "rating"
    text: str | None = None
    """None: there is none."""
    timestamp: str | None = None
    """Seconds since 1970, or dates; None: there are none."""
    separator: str | None = None
    """Between columns of a text file; None: by the file's ending."""


@dataclass(frozen=True)
class FieldColumn:
    """A column of words."""

    column: str
    split: str | None = None
    """What parts several words in one cell, such as ", "; None: a cell is one word (or, in JSON, a list of them)."""
    missing: tuple[str, ...] = ()
    """Words that stand for none."""

    def __post_init__(self) -> None:
        if self.split == "":
            raise ValueError("split must be a character or more; leave it out where a cell is one word")


@dataclass(frozen=True)
class NumberColumn:
    """A numeric column."""

    column: str
    missing: tuple[str, ...] = ()
    """Words that stand for no number."""


@dataclass(frozen=True)
class SideFile:
    """One row for each user, or for each item."""

    path: str
    id: str
    stats: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Stat → the columns whose sum it is; ``compliment_*`` names all that begin so. What isn't named is left out."""
    fields: dict[str, FieldColumn] = field(default_factory=dict)
    numbers: dict[str, NumberColumn] = field(default_factory=dict)
    separator: str | None = None

    def __post_init__(self) -> None:
        both = sorted(set(self.fields) & set(self.numbers))
        if both:
            raise ValueError(f"'{both[0]}' is one of fields and of numbers; rename one")
        for name, columns in self.stats.items():
            if not columns:
                raise ValueError(f"stats.{name}: names no column")


@dataclass(frozen=True)
class Source:
    """The block ``rating.source`` of params.yaml."""

    reviews: Reviews
    users: SideFile | None = None
    items: SideFile | None = None
    pairs: str | None = None
    """Pairs that predict is to rate: a file of any of these kinds, with the reviews' columns of user and item."""
    scale: tuple[float, ...] = bounded((1.0, 5.0), low=-1e6, high=1e6)
    """The lowest rating there may be, and the highest."""

    def __post_init__(self) -> None:
        if len(self.scale) != 2 or self.scale[0] >= self.scale[1]:
            raise ValueError(f"scale: expected the lowest rating and the highest, got {list(self.scale)}")
        for side, known in (("users", USER_STATS), ("items", ITEM_STATS)):
            for name in getattr(getattr(self, side), "stats", ()):
                if name not in known:
                    raise ValueError(f"{side}.stats.{name}: no such stat; {nearest(name, known)} (other columns go "
                                     f"under {side}.numbers)")

    @property
    def low(self) -> float:
        return self.scale[0]

    @property
    def high(self) -> float:
        return self.scale[1]


def source(values: dict[str, Any]) -> Source:
    """The block as it stands in ``values``, the whole of params.yaml."""
    return params.block(Source, params.get(values, "rating.source"), "params.yaml: rating.source")


class RawTable(Protocol):
    """A file of rows: ``names`` of its columns, a check that some are there, and record batches of chosen ones."""

    path: Path
    names: tuple[str, ...]

    def require(self, columns: Any, key: str) -> None: ...

    def spans(self, columns: Any, batch_rows: int) -> Any: ...


def open_raw(path: str, separator: str | None) -> RawTable:
    """The file, by its ending.

    Raises:
        InputError: missing, damaged, or of an ending that says nothing.
    """
    return JsonLinesTable(path) if is_json_lines(path) else open_table(path, separator)


def summed_columns(table: RawTable, columns: tuple[str, ...], key: str) -> list[str]:
    """``columns`` with every ``*`` resolved, in order of the names.

    Raises:
        InputError: a missing column, or a pattern that none fits.
    """
    found: set[str] = set()
    for column in columns:
        if "*" not in column:
            table.require([column], key)
            found.add(column)
            continue
        fitting = [n for n in table.names if fnmatchcase(n, column)]
        if not fitting:
            raise InputError(f"{table.path}: no column '{column}', which {key} names; {nearest(column, table.names)}")
        found.update(fitting)
    return sorted(found)
