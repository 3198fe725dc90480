"""What the columns of a table are: label, id, categorical, numeric, sequence groups, timestamp, group.

Names may be written as a run, ``l_feat_{1..27}``, which stands for ``l_feat_1`` to ``l_feat_27``.
"""

import re
from dataclasses import dataclass, field
from typing import Literal

_RUN = re.compile(r"^(.*)\{(\d+)\.\.(\d+)\}(.*)$")


def expand(names: tuple[str, ...]) -> tuple[str, ...]:
    """``("a_{1..3}", "b")`` → ``("a_1", "a_2", "a_3", "b")``."""
    out: list[str] = []
    for name in names:
        run = _RUN.match(name)
        if run is None:
            out.append(name)
            continue
        head, low, high, tail = run.groups()
        if int(high) < int(low):
            raise ValueError(f"'{name}' runs backwards")
        out.extend(f"{head}{i}{tail}" for i in range(int(low), int(high) + 1))
    return tuple(out)


@dataclass(frozen=True)
class SequenceGroup:
    """A history: one or several columns whose items stand at the same positions, oldest first.

    A column holds text (``"12,7,7"``) or a list. ``fields`` gives each column a name within the group:
    ``{item: hist_items, rating: hist_ratings}``; all fields of a row have the same number of items.
    """

    fields: dict[str, str]
    separator: str = ","
    items: Literal["int", "text"] = "int"
    """``int``: every item is a whole number from 0 to 2³¹−1. ``text``: any word."""
    target: dict[str, str] = field(default_factory=dict)
    """Field → categorical column that holds its value for the row itself, such as ``{item: ad_id}``."""
    shared: bool = False
    """True where field and target column speak of the same things: they then share one vocabulary and one table."""
    timestamps: str | None = None
    """Column of the items' unix seconds, as many as items, for models that know time; needs ``timestamp``."""
    statistics: bool = True
    """Adds the uncut first field's length, distinct count, distinct/length, entropy and last id as numerics."""

    def __post_init__(self) -> None:
        if not self.fields:
            raise ValueError("a sequence group needs at least one field")
        if len(self.separator) != 1:
            raise ValueError(f"separator must be one character, got {self.separator!r}")
        for name in self.target:
            if name not in self.fields:
                raise ValueError(f"target '{name}' is not one of the fields {', '.join(self.fields)}")

    @property
    def first(self) -> str:
        """Name of the first field: the items themselves."""
        return next(iter(self.fields))


STATISTICS = ("length", "distinct", "distinct_share", "entropy", "last")


@dataclass(frozen=True)
class Schema:
    """The roles of a table's columns. Any table is trained by naming them in params.yaml."""

    label: str
    id: str | None = None
    categorical: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    sequence: dict[str, SequenceGroup] = field(default_factory=dict)
    timestamp: str | None = None
    """Unix seconds of the row."""
    group: str | None = None
    """Column that rows are resampled by in intervals (users), and held out by in split ``group``."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "categorical", expand(self.categorical))
        object.__setattr__(self, "numeric", expand(self.numeric))
        sequences = [column for group in self.sequence.values() for column in group.fields.values()]
        names = [self.label, *self.categorical, *self.numeric, *sequences]
        doubled = sorted({n for n in names if names.count(n) > 1})
        if doubled:
            raise ValueError(f"column '{doubled[0]}' has two roles; "
                             "a column is label, categorical, numeric or sequence")
        if self.label in (self.timestamp, *self.features()):
            raise ValueError(f"the label '{self.label}' is a timestamp too; a model would read it")
        if not (self.categorical or self.numeric or self.sequence):
            raise ValueError("no features: name categorical, numeric or sequence columns")
        for name, group in self.sequence.items():
            for target in group.target.values():
                if target not in self.categorical:
                    raise ValueError(f"sequence.{name}.target: '{target}' is not a categorical column")
            if group.timestamps and not self.timestamp:
                raise ValueError(f"sequence.{name}.timestamps needs the schema's timestamp column")

    def features(self) -> tuple[str, ...]:
        """Every column that a model reads, in schema order: what unlabelled data must hold."""
        names = [*self.categorical, *self.numeric]
        for group in self.sequence.values():
            names.extend(group.fields.values())
            if group.timestamps:
                names.append(group.timestamps)
        if self.timestamp and any(g.timestamps for g in self.sequence.values()):
            names.append(self.timestamp)
        return tuple(dict.fromkeys(names))

    def statistic_names(self) -> tuple[str, ...]:
        """Numerics that conversion derives: ``<group>_length`` and so on, after the schema's own numerics."""
        return tuple(f"{name}_{s}" for name, g in self.sequence.items() if g.statistics for s in STATISTICS)
