"""The track's blocks of params.yaml that features and training read, as frozen dataclasses."""

from typing import Any

from rankpipe import params
from rankpipe.data.encoders import Features
from rankpipe.training import settings
from rankpipe.training.params import Training

TRACK = "ctr"
MONITOR = {"auc": 1.0}
"""What training watches where params.yaml names nothing."""


def features(values: dict[str, Any]) -> Features:
    """``ctr.features``."""
    return params.block(Features, params.get(values, f"{TRACK}.features"), f"params.yaml: {TRACK}.features")


def model_params(values: dict[str, Any], name: str) -> tuple[Any, Training]:
    """The model's own parameters, and how it is trained; see :func:`rankpipe.training.settings.model_params`.

    Raises:
        InputError: no such model, or a parameter that is unknown, of the wrong type or out of range.
    """
    from rankpipe.ctr.models import model_class  # loads torch

    return settings.model_params(values, TRACK, name, model_class(name))
