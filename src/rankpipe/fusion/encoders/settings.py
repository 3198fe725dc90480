"""Which encoders, and how those are fitted that are fitted here."""

from dataclasses import dataclass

from rankpipe.params import bounded

KEY = "params.yaml: fusion.encode"
OFFLINE = "offline"


@dataclass(frozen=True)
class Encode:
    """The block ``fusion.encode`` of params.yaml."""

    image: str = OFFLINE
    """offline: fixed statistics and principal components. clip:<folder, or id on the hub>"""
    text: str = OFFLINE
    """offline: TF-IDF and a singular value decomposition. minilm:<folder, id on the hub, or ``packaged``>"""
    image_revision: str | None = None
    """Of the hub."""
    text_revision: str | None = None
    edge: int = bounded(40, low=16, high=512)
    """Pixels of a side that the offline encoder looks at."""
    image_dim: int = bounded(64, low=1)
    text_dim: int = bounded(96, low=1)
    """At most; small data have fewer directions."""
    whitening: float = bounded(0.5, low=0, high=1)
    """Of the images' components: 0 leaves them their spread, 1 makes all equal."""
    least_texts: int = bounded(2, low=1)
    """Train texts that a term must stand in."""
    terms: int = bounded(20_000, low=1)
    """Terms at most."""
    ridge: float = bounded(0.3, above=0)
    """Penalty of the way from texts to images."""
    values: int = bounded(256, low=1)
    """Columns of an attribute at most: its most frequent values in train."""
    fitted: int = bounded(20_000, low=1)
    """Train candidates that encoders are fitted on, at most, spread evenly."""
    chunk: int = bounded(1024, low=1)
    """Candidates encoded at a time; so many are lost at most when the stage is killed."""

    def __post_init__(self) -> None:
        for name, kinds in (("image", ("clip",)), ("text", ("minilm",))):
            value = getattr(self, name)
            kind, _, model = value.partition(":")
            if value != OFFLINE and (kind not in kinds or not model):
                raise ValueError(f"{name}: {value!r} is no encoder; known: {OFFLINE}, {kinds[0]}:<folder or id>")
            if value == OFFLINE and getattr(self, f"{name}_revision") is not None:
                raise ValueError(f"{name}_revision goes with a model of the hub, not with {OFFLINE}")
