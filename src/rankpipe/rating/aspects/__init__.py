"""What a review says of each of 17 aspects: pluggable scorers, behind one protocol.

A scorer's columns are named ``<aspect>/<polarity>``; a value in [0, 1] is how much of what a review says of the aspect
is positive, negative or neutral, and all three are 0 where the review doesn't speak of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from scipy.sparse import csr_matrix

from rankpipe.params import bounded

ASPECTS = ("taste", "saltiness", "spiciness", "sweetness", "greasiness", "lightness", "savouriness", "freshness",
           "portion", "service", "price", "cleanliness", "noise", "ambience", "space", "parking", "waiting")
POLARITIES = ("positive", "negative", "neutral")
COLUMNS = tuple(f"{aspect}/{polarity}" for aspect in ASPECTS for polarity in POLARITIES)
"""The 51 columns, in the order of the block."""


@dataclass(frozen=True)
class Aspects:
    """The block ``rating.features.aspects`` of params.yaml."""

    scorer: str = bounded("lexicon", choices=("lexicon", "transformers"))
    model: str | None = None
    """For ``transformers``: a folder, or a model's id on the hub. DVC doesn't watch it: when what it holds has changed,
    run ``dvc repro --force features-rating``."""
    revision: str | None = None
    """Branch, tag or commit on the hub; name a commit, or tomorrow's model may be another."""
    max_length: int = bounded(256, low=8)
    batch_size: int = bounded(32, low=1)
    device: str = bounded("auto", choices=("auto", "cpu", "cuda"))

    def __post_init__(self) -> None:
        if (self.scorer == "transformers") != (self.model is not None):
            raise ValueError("model goes with scorer: transformers, a folder or the id of a classifier on the hub")


class AspectScorer(Protocol):
    """Scores reviews; equal texts give equal scores whatever stands beside them."""

    columns: tuple[str, ...]
    """Those of :data:`COLUMNS` that the scorer fills, in that order."""

    def __call__(self, texts: Sequence[str]) -> csr_matrix:
        """(n, len(columns)) float64 in [0, 1]."""

    def describe(self) -> dict[str, Any]:
        """What the outputs say of where the scores come from."""


def scorer(settings: Aspects) -> AspectScorer:
    """The scorer that ``settings`` ask for.

    Raises:
        InputError: transformers isn't installed, or the model can't be loaded or names none of the aspects.
    """
    if settings.scorer == "lexicon":
        from rankpipe.rating.aspects.lexicon import LexiconScorer

        return LexiconScorer()
    from rankpipe.rating.aspects.classifier import ClassifierScorer

    return ClassifierScorer(settings)
