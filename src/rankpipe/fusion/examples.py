"""The data of one size as examples for models: slates of a split with features of pairs and vectors of both sides."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from rankpipe import paths
from rankpipe.data.bm25 import BM25
from rankpipe.fusion import dataset
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import TRACK, Dataset, Split
from rankpipe.fusion.pairs import FEATURES, PairFeatures
from rankpipe.fusion.plain import PlainSource, is_plain

if TYPE_CHECKING:
    from rankpipe.fusion.vectors import Vectors


@dataclass(frozen=True)
class Source:
    """A data set and its vectors. A changed copy (``dataclasses.replace``) keeps what was fitted on the first."""

    data: Dataset
    vectors: "Vectors"
    bm25: BM25
    files: tuple[Path, ...] = ()
    """What it was read from, for a fingerprint."""

    @classmethod
    def of(cls, data: Dataset, held: "Vectors", files: tuple[Path, ...] = ()) -> "Source":
        """Fits on the candidates of train what features need."""
        texts = data.candidates.texts
        return cls(data, held, BM25.fit(texts[i] for i in data.judged("train").tolist()), files)

    @cached_property
    def features(self) -> PairFeatures:
        return PairFeatures.of(self.data, self.vectors, self.bm25)

    def examples(self, split: Split) -> Examples:
        """The split's slates in order of their queries."""
        queries, slates = self.data.of(split)
        return Examples(queries, slates, self.features(queries, slates), FEATURES, self.vectors)


def read(size: str) -> Source | PlainSource:
    """What convert and, but for data of features alone, encode left.

    Raises:
        InputError: a file is missing, damaged or of another run.
    """
    data = dataset.read(size)
    if is_plain(size):
        return PlainSource(size, data)
    from rankpipe.fusion import vectors

    held = vectors.read(size)
    files = (*sorted(paths.table(size, TRACK).glob("*.h5")), *sorted(paths.features(size, TRACK).rglob("*.*")))
    return Source.of(data, held, files)
