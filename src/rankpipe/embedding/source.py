"""Where the raw files lie and how their columns are named: a text corpus, pairs with their similarity, triplets."""

from dataclasses import dataclass
from typing import Any

from rankpipe import params
from rankpipe.params import bounded

KEY = "params.yaml: embedding.source"


@dataclass(frozen=True)
class CorpusFile:
    """One sentence a row: .txt (a line each), csv, tsv, JSON lines or parquet."""

    path: str
    column: str = "text"
    """Of a table; a .txt file has none."""
    separator: str | None = None
    """Between columns; None: by the file's ending."""


@dataclass(frozen=True)
class PairsFile:
    """Two sentences a row and how similar they are, from 0 to ``scale``. The defaults are KorSTS's."""

    path: str
    first: str = "sentence1"
    second: str = "sentence2"
    score: str = "score"
    genre: str | None = "genre"
    """A column of words, by which results are shown; None where there is none."""
    scale: float = bounded(5.0, above=0)
    separator: str | None = None


@dataclass(frozen=True)
class TripletsFile:
    """Three sentences a row: the second means the same as the first, or nearly so, the third doesn't."""

    path: str
    anchor: str = "anchor"
    positive: str = "positive"
    negative: str = "negative"
    separator: str | None = None


@dataclass(frozen=True)
class Source:
    """The block ``embedding.source`` of params.yaml."""

    corpus: CorpusFile
    train: PairsFile
    valid: PairsFile | None = None
    test: PairsFile | None = None
    own: PairsFile | None = None
    """Further pairs, which train and never judge."""
    triplets: TripletsFile | None = None

    def pairs(self) -> dict[str, PairsFile]:
        """Name of each file of pairs that there is → the file; always in this order."""
        named = {"train": self.train, "valid": self.valid, "test": self.test, "own": self.own}
        return {name: file for name, file in named.items() if file is not None}


def source(values: dict[str, Any]) -> Source:
    """The block as it stands in ``values``, the whole of params.yaml."""
    return params.block(Source, params.get(values, "embedding.source"), KEY)
