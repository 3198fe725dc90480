"""The variants that korsts.py trains: links of the chain, and the same with one thing changed."""

from dataclasses import dataclass, field
from typing import Any

CROP = {"augmentation": "crop", "crop_low": 0.4, "crop_high": 0.9}
BRIEF = {"epochs": 1, "lr": 2e-4, "sentences": 10_000}


@dataclass(frozen=True)
class Variant:
    """``link`` of the registry, trained on top of the variant ``start``; without randomness where it is ``base``,
    ``tfidf`` or ``vocabulary``.
    """

    link: str
    start: str | None = None
    params: dict[str, Any] = field(default_factory=dict)
    note: str = ""


VARIANTS = {
    "tfidf": Variant("tfidf", note="character 1–2-grams"),
    "base": Variant("base", note="as is"),
    "vocabulary": Variant("vocabulary", "base", note="8,000 tokens more, untrained"),
    "simcse": Variant("simcse", "vocabulary", {**BRIEF, **CROP}, "10,000 reviews, crops"),
    "simcse, no crop": Variant("simcse", "vocabulary", {**BRIEF}, "views differ by dropout alone"),
    "simcse, new rows": Variant("simcse", "vocabulary", {**BRIEF, **CROP, "train": "new_rows", "lr": 1e-3},
                                "only what expansion added"),
    "simcse, old vocabulary": Variant("simcse", "base", {**BRIEF, **CROP}, "no expansion"),
    "simcse, 100,000": Variant("simcse", "vocabulary", {**BRIEF, **CROP, "sentences": None, "epochs": 1,
                                                        "batch_size": 128, "evaluations_per_epoch": 4},
                               "all reviews, crops"),
    "bottleneck": Variant("bottleneck", "simcse", {**BRIEF, **CROP, "epochs": 1, "lr": 5e-4}, "adapters alone"),
    "hierarchical": Variant("hierarchical", "bottleneck", {"epochs": 6, "lr": 1e-3, "batch_size": 32},
                            "task adapter on KorSTS train"),
    "supervised": Variant("supervised", "simcse", {"epochs": 6, "lr": 2e-4, "batch_size": 32},
                          "CoSENT on KorSTS train"),
    "supervised, mnrl": Variant("supervised", "simcse", {"epochs": 6, "lr": 1e-4, "batch_size": 32, "loss": "mnrl"},
                                "pairs of at least 4 of 5"),
    "supervised, vocabulary": Variant("supervised", "vocabulary", {"epochs": 6, "lr": 2e-4, "batch_size": 32},
                                      "without SimCSE"),
    "supervised, 100,000": Variant("supervised", "simcse, 100,000", {"epochs": 6, "lr": 2e-4, "batch_size": 32},
                                   "CoSENT on KorSTS train"),
}
