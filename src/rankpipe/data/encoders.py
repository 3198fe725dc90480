"""Fitted encoders: vocabularies and scalers that turn a block of columns into a batch for a model.

They are fitted on the train split only and stored as one byte-stable JSON file; the same object serves training,
prediction and the bundle.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from rankpipe import progress
from rankpipe.data.columns import Columns, Dictionaries
from rankpipe.data.inputs import Inputs, SequenceInputs
from rankpipe.data.newest import newest
from rankpipe.data.scaler import KINDS, NumericSummary, Scaler
from rankpipe.data.schema import Schema
from rankpipe.data.vocabulary import Counts, Vocabulary, numbers_of_words
from rankpipe.errors import InputError, nearest
from rankpipe.io.json import read_json, write_json
from rankpipe.params import block, bounded

if TYPE_CHECKING:
    from rankpipe.data.encoding import Encoder

FORMAT = 1
FILE = "encoders.json"
FIT_ROWS = 8192


@dataclass(frozen=True)
class Features:
    """The block ``<track>.features`` of params.yaml."""

    min_count: dict[str, int] = field(default_factory=lambda: {"default": 1})
    """Column (or ``default``) → rows that a value must be seen in to get an index of its own."""
    scaling: dict[str, str] = field(default_factory=lambda: {"default": "quantile"})
    """Column (or ``default``) → minmax, standard, quantile or none."""
    max_len: int | dict[str, int] = 100
    """Newest items kept of a sequence: one number, or size → number."""
    quantiles: int = bounded(100, low=2, high=10_000)
    fill: Literal["median", "mean"] = "median"
    clip: bool = True
    """Values outside the range of train are moved to its edge (minmax and quantile)."""

    def __post_init__(self) -> None:
        lengths = self.max_len.values() if isinstance(self.max_len, dict) else [self.max_len]
        for length in lengths:
            if length < 1:
                raise ValueError(f"max_len {length} is out of range; it must be ≥ 1")
        for column, n in self.min_count.items():
            if n < 1:
                raise ValueError(f"min_count.{column}: {n} is out of range; it must be ≥ 1")
        for column, kind in self.scaling.items():
            if kind not in KINDS:
                raise ValueError(f"scaling.{column}: '{kind}' is not a choice; {nearest(kind, KINDS)}")

    def length(self, size: str) -> int:
        """Items kept at ``size``."""
        if isinstance(self.max_len, int):
            return self.max_len
        if size not in self.max_len:
            raise InputError(f"params.yaml: features.max_len has no size '{size}'; {nearest(size, self.max_len)}")
        return self.max_len[size]


class Table(Protocol):
    """What encoders are fitted on: an H5 reader, or anything like it."""

    dictionaries: Dictionaries

    def __len__(self) -> int: ...

    def read(self, start: int, stop: int, sequences: bool = True) -> Columns: ...


class Encoders:
    """Vocabularies by column (sequence fields as ``<group>.<field>``) and one scaler for all numerics."""

    def __init__(self, schema: Schema, vocabularies: dict[str, Vocabulary], scaler: Scaler, max_len: int):
        self.schema, self.vocabularies, self.scaler, self.max_len = schema, vocabularies, scaler, max_len

    @property
    def inputs(self) -> Inputs:
        names = [*self.schema.numeric, *self.schema.statistic_names()]
        sequences = {
            name: SequenceInputs({f: self.vocabularies[f"{name}.{f}"].size for f in group.fields}, self.max_len,
                                 dict(group.target), group.shared, group.timestamps is not None)
            for name, group in self.schema.sequence.items()}
        return Inputs({c: self.vocabularies[c].size for c in self.schema.categorical},
                      (*names, *(f"{names[i]}_missing" for i in self.scaler.flags)), sequences)

    @classmethod
    def fit(cls, train: Table, schema: Schema, features: Features, max_len: int) -> "Encoders":
        """Reads ``train`` once, in blocks.

        Raises:
            InputError: no rows, or ``features`` names a column that isn't there.
        """
        numeric = [*schema.numeric, *schema.statistic_names()]
        _known(features.min_count, "min_count", [*schema.categorical, *_sequence_columns(schema)])
        _known(features.scaling, "scaling", numeric)
        if not len(train):
            raise InputError("the train split is empty, nothing to fit on; give it more rows in extract")
        summary = NumericSummary(len(numeric), len(train))
        counts = {name: Counts() for name in [*schema.categorical, *_fields(schema)]}
        for columns in progress.bar(-(-len(train) // FIT_ROWS), "fit encoders", "block", blocks(train)):
            summary.add(columns.numeric)
            for i, column in enumerate(schema.categorical):
                counts[column].add(columns.categorical[:, i])
            for name, sequences in columns.sequences.items():
                places, _ = newest(sequences.offsets, None, max_len)
                for f, values in sequences.fields.items():
                    counts[f"{name}.{f}"].add(values if places is None else values[places])
        kinds = [features.scaling.get(c, features.scaling.get("default", "quantile")) for c in numeric]
        scaler = summary.scaler(kinds, features.fill, features.quantiles, features.clip)
        return cls(schema, _vocabularies(schema, counts, train.dictionaries, features.min_count), scaler, max_len)

    def for_dictionaries(self, dictionaries: Dictionaries) -> "Encoder":
        """An encoder of columns whose codes point into ``dictionaries``, which may grow while it is in use."""
        from rankpipe.data.encoding import Encoder  # torch is only loaded where batches are made

        return Encoder(self.schema, self.vocabularies, self.scaler, self.max_len, dictionaries)

    def save(self, folder: Path) -> None:
        """Writes ``encoders.json`` into ``folder``."""
        vocabularies: dict[str, Any] = {}
        for column, vocabulary in self.vocabularies.items():
            vocabularies[column] = {"whole": vocabulary.whole, "values": list(vocabulary.values)}
        for name, group in self.schema.sequence.items():
            if group.shared:
                vocabularies.update({column: {"same_as": f"{name}.{f}"} for f, column in group.target.items()})
        # The schema goes in as text: the order of its columns counts, and our JSON sorts keys.
        schema = json.dumps(asdict(self.schema))
        write_json(Path(folder) / FILE, {"format": FORMAT, "schema": schema, "max_len": self.max_len,
                                         "vocabularies": vocabularies, "scaler": self.scaler.to_json()})

    @classmethod
    def load(cls, folder: Path) -> "Encoders":
        """Raises:
            InputError: missing, corrupt, or of another format.
        """
        path = Path(folder) / FILE
        stored = read_json(path)
        if not isinstance(stored, dict) or stored.get("format") != FORMAT:
            raise InputError(f"{path}: not encoders of format {FORMAT}; run the features stage again")
        try:
            schema = block(Schema, json.loads(stored["schema"]), f"{path}: schema")
            values = stored["vocabularies"]
            owners = {c: values[v.get("same_as", c)] for c, v in values.items()}
            vocabularies = {c: Vocabulary(tuple(v["values"]), v["whole"]) for c, v in owners.items()}
            encoders = cls(schema, vocabularies, Scaler.from_json(stored["scaler"]), int(stored["max_len"]))
            encoders.inputs  # noqa: B018  every vocabulary that the schema names must be there
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InputError(f"{path}: corrupt encoders ({type(error).__name__}: {error}); "
                             "run the features stage again") from error
        return encoders


def blocks(table: Table, rows: int = FIT_ROWS) -> Iterator[Columns]:
    """All rows of ``table``, ``rows`` at a time."""
    for start in range(0, len(table), rows):
        yield table.read(start, min(start + rows, len(table)))


def _fields(schema: Schema) -> list[str]:
    return [f"{name}.{f}" for name, group in schema.sequence.items() for f in group.fields]


def _sequence_columns(schema: Schema) -> list[str]:
    return [column for group in schema.sequence.values() for column in group.fields.values()]


def _known(block: dict[str, Any], key: str, columns: list[str]) -> None:
    for column in block:
        if column not in ("default", *columns):
            hint = nearest(column, ["default", *columns])
            raise InputError(f"params.yaml: features.{key}.{column}: no such column; {hint}")


def _vocabularies(schema: Schema, counts: dict[str, Counts], dictionaries: Dictionaries,
                  min_count: dict[str, int]) -> dict[str, Vocabulary]:
    out = {}
    lowest = min_count.get("default", 1)
    for column in schema.categorical:
        out[column] = Vocabulary.of_words(counts[column].of_words(dictionaries[column]), min_count.get(column, lowest))
    for name, group in schema.sequence.items():
        for f, column in group.fields.items():
            key, at_least = f"{name}.{f}", min_count.get(column, lowest)
            shared = group.shared and f in group.target
            beside = counts[group.target[f]].of_words(dictionaries[group.target[f]]) if shared else {}
            if group.items == "text":
                words = counts[key].of_words(dictionaries[key])
                for word, n in beside.items():
                    words[word] = words.get(word, 0) + n
                out[key] = Vocabulary.of_words(words, at_least)
            else:
                if beside:
                    other = numbers_of_words(beside, group.target[f])
                    counts[key].merge(other.values, other.counts)
                out[key] = Vocabulary.of_numbers(counts[key], at_least)
            if shared:
                out[group.target[f]] = out[key]
    return out
