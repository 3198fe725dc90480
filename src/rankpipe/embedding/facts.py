"""What train measured of a model beside its scores: how it cuts words, how its vectors lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Facts:
    """None where it doesn't apply, as tokens to TF-IDF."""

    tokens_per_word: float | None = None
    unknown_share: float | None = None
    """Of words: those of which a part is unknown."""
    match_rate: float | None = None
    """Share of the added tokens that text which nothing was trained on gives."""
    alignment: float | None = None
    """Mean squared distance of similar pairs of test, mean over the runs (Wang and Isola, 2020)."""
    uniformity: float | None = None
    """log mean exp(−2 · squared distance) of sentences of test, mean over the runs."""

    def shown(self) -> dict[str, float | None]:
        """Those that are columns of the leaderboard."""
        return {"alignment": self.alignment, "uniformity": self.uniformity, "tokens_per_word": self.tokens_per_word}

    @classmethod
    def of(cls, figures: Mapping[str, Any]) -> "Facts":
        """figures: figures.json, whatever it lacks left None: ``tokens_per_word``, ``unknown_share`` and ``match_rate``
        as numbers; ``alignment`` and ``uniformity`` as split → seed → number.
        """
        numbers = {key: figures.get(key) for key in ("tokens_per_word", "unknown_share", "match_rate")}
        means = {key: list((figures.get(key) or {}).get("test", {}).values()) for key in ("alignment", "uniformity")}
        return cls(**{key: None if value is None else float(value) for key, value in numbers.items()},
                   **{key: float(np.mean(values)) if values else None for key, values in means.items()})
