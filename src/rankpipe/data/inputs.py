"""What a model is told about its encoded inputs: names and vocabulary sizes. Stored as JSON beside the weights."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class SequenceInputs:
    """One sequence group after encoding."""

    fields: dict[str, int]
    """Field → vocabulary size, padding (index 0) and out-of-vocabulary (last index) counted in."""
    max_len: int
    target: dict[str, str] = field(default_factory=dict)
    """Field → categorical column that holds its value for the row itself."""
    shared: bool = False
    """True: field and target column share one vocabulary, so a model uses one table for both."""
    timestamps: bool = False


@dataclass(frozen=True)
class Inputs:
    """Names and sizes of everything in a :class:`rankpipe.data.ragged.Batch`."""

    categorical: dict[str, int] = field(default_factory=dict)
    """Column → vocabulary size, in the order of ``Batch.categorical``."""
    numeric: tuple[str, ...] = ()
    """Names in the order of ``Batch.numeric``, missing flags last."""
    sequences: dict[str, SequenceInputs] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Mappings become lists of pairs, since the order of columns counts and our JSON sorts keys."""
        sequences = [[name, {**asdict(s), "fields": _pairs(s.fields), "target": _pairs(s.target)}]
                     for name, s in self.sequences.items()]
        return {"categorical": _pairs(self.categorical), "numeric": list(self.numeric), "sequences": sequences}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Inputs":
        sequences = {name: SequenceInputs(**{**s, "fields": dict(s["fields"]), "target": dict(s["target"])})
                     for name, s in values["sequences"]}
        return cls(dict(values["categorical"]), tuple(values["numeric"]), sequences)


def _pairs(mapping: dict[str, Any]) -> list[list[Any]]:
    return [[key, value] for key, value in mapping.items()]
