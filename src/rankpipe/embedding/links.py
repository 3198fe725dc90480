"""Parameters of the links of the chain: what each starts from, trains on and by which loss. Needs no torch."""

from dataclasses import dataclass
from typing import Literal

from rankpipe.params import bounded


@dataclass(frozen=True)
class Link:
    """What every link that trains has among its parameters."""

    start_from: str
    """The id of the link whose model it goes on from, each seed from the run of that seed."""
    dropout: float | None = bounded(None, low=0, below=1)
    """Of the whole network while it trains; None: as the base has it."""
    temperature: float = bounded(0.05, above=0)
    """Cosines are divided by it."""
    chunk_tokens: int = bounded(1024, low=1)
    """Sentences of similar length go through the network together, so many tokens with their padding at once."""
    cache_gradients: bool = False
    """Keeps no activations of a chunk and computes them again on the way back (Gao et al., 2021): memory is one chunk's
    whatever the batch, for a third more time."""


@dataclass(frozen=True)
class Contrastive(Link):
    """Trained on sentences alone: SimCSE (Gao et al., 2021), two views of each among all second views of its batch."""

    augmentation: Literal["none", "crop"] = "none"
    """none: the two views differ by dropout alone. crop: each is a run of the sentence's words, drawn for itself."""
    crop_low: float = bounded(0.6, above=0, high=1)
    crop_high: float = bounded(1.0, above=0, high=1)
    """A crop keeps a share of the words drawn from [crop_low, crop_high]."""
    sentences: int | None = bounded(10_000, low=2)
    """Of the corpus, drawn by the seed; None takes all."""

    def __post_init__(self) -> None:
        if self.crop_low > self.crop_high:
            raise ValueError(f"crop_low {self.crop_low} is above crop_high {self.crop_high}")


@dataclass(frozen=True)
class Graded(Link):
    """Trained on pairs with a score, or on triplets."""

    loss: Literal["cosent", "mnrl", "symmetric", "triplet"] = "cosent"
    data: Literal["pairs", "triplets"] | None = None
    """What of the table; None: triplets for the loss triplet, else pairs. mnrl and symmetric take either, and count a
    triplet's third sentence among everybody's negatives."""
    positive: float = bounded(0.8, low=0, high=1)
    """mnrl and symmetric know no grades: pairs of at least this score are positives, the others are left out."""
    margin: float = bounded(0.1, above=0)
    """Of triplet, in cosines."""

    def __post_init__(self) -> None:
        if (self.loss, self.data) in (("cosent", "triplets"), ("triplet", "pairs")):
            raise ValueError(f"loss: {self.loss} can't learn from {self.data}; leave out data, or take mnrl")

    @property
    def on_triplets(self) -> bool:
        return (self.data or ("triplets" if self.loss == "triplet" else "pairs")) == "triplets"


@dataclass(frozen=True)
class SimCSE(Contrastive):
    train: Literal["new_rows", "all"] = "all"
    """new_rows: only what vocabulary expansion added."""


@dataclass(frozen=True)
class Bottleneck(Contrastive):
    adapter_dim: int = bounded(256, low=1)


@dataclass(frozen=True)
class Hierarchical(Graded):
    adapter_dim: int = bounded(256, low=1)
    """Of the task adapter; the language adapter is the bottleneck's."""


@dataclass(frozen=True)
class Supervised(Graded):
    """All weights."""
