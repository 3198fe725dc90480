"""Bundles: a trained model as a folder that states its schema, data and metrics, and loads without this repository."""

from typing import Any

__all__ = ["Predictor"]


def __getattr__(name: str) -> Any:
    # Lazy, so that a stage that only writes a receipt doesn't pay for pandas and torch.
    if name == "Predictor":
        from rankpipe.hub.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
