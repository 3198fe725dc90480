"""Where the raw files lie."""

from dataclasses import dataclass
from typing import Any

from rankpipe import params


@dataclass(frozen=True)
class Source:
    """The block ``ctr.source`` of params.yaml."""

    train: str
    test: str | None = None
    """Unlabelled rows."""
    sample_submission: str | None = None
    """Gives the submission's order; None keeps that of the rows."""


def source(values: dict[str, Any]) -> Source:
    """The block as it stands in ``values``, the whole of params.yaml."""
    return params.block(Source, params.get(values, "ctr.source"), "params.yaml: ctr.source")
