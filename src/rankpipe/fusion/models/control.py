"""The control of an honest evaluation: ``fusion`` trained on grades that were shuffled within each query. Whatever it
scores above a random order has leaked."""

from dataclasses import dataclass

from rankpipe.fusion.models.fusion import Fusion
from rankpipe.params import bounded


class Control(Fusion):
    @dataclass(frozen=True)
    class Params(Fusion.Params):
        shuffle_labels: bool = True
        repeats: int = bounded(1, low=1)
        """Shuffles that a net of its own is trained on: one alone prefers something by luck."""
