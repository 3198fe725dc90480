"""Hyperparameters of the training loop, with the same names for every neural model of every track."""

from dataclasses import dataclass
from typing import Literal

from rankpipe.params import bounded


@dataclass(frozen=True)
class Training:
    """A model's own block overrides ``<track>.training``, which overrides these defaults."""

    epochs: int = bounded(10, low=1)
    batch_size: int = bounded(1024, low=1)
    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    lr: float = bounded(1e-3, above=0)
    weight_decay: float = bounded(0.0, low=0)
    """Decoupled, for adamw, on weight matrices only."""
    embedding_l2: float = bounded(0.0, low=0)
    """λ of λ/2·‖E‖² on embedding tables and per-value weights, part of the loss's gradient."""
    net_l2: float = bounded(0.0, low=0)
    """λ of λ/2·‖W‖² on all other weight matrices."""
    positive_weight: float = bounded(1.0, above=0)
    schedule: Literal["constant", "plateau", "cosine", "linear"] = "plateau"
    warmup_steps: int = bounded(0, low=0)
    plateau_factor: float = bounded(0.1, above=0, below=1)
    plateau_patience: int = bounded(0, low=0)
    """Evaluations without a gain before lr is cut."""
    lr_floor: float = bounded(1e-6, low=0)
    patience: int = bounded(2, low=1)
    """Evaluations without a gain before training stops."""
    min_gain: float = bounded(1e-6, low=0)
    monitor: dict[str, float] | None = None
    """Metric → weight; training keeps the epoch with the greatest weighted sum. None: the track's own choice."""
    evaluations_per_epoch: int = bounded(1, low=1)
    clip_norm: float | None = bounded(10.0, above=0)
    average: float = bounded(0.0, low=0, below=1)
    """Decay of a moving mean of the weights over updates, which is what valid judges and training keeps; 0: none."""
    accumulate: int = bounded(1, low=1)
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    tracker: Literal["none", "dvclive", "tensorboard", "wandb"] = "none"

    def __post_init__(self) -> None:
        if self.weight_decay and self.optimizer != "adamw":
            raise ValueError(f"weight_decay is adamw's; set optimizer: adamw, or net_l2 with {self.optimizer}")
        if self.monitor is not None and not self.monitor:
            raise ValueError("monitor is empty; name a metric, such as {auc: 1}, or set null")
