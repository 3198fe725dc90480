"""The track's blocks of params.yaml that features and training read, as frozen dataclasses."""

from dataclasses import dataclass, fields
from typing import Any

from rankpipe import params
from rankpipe.data.encoders import Features
from rankpipe.errors import InputError, nearest
from rankpipe.params import bounded
from rankpipe.training.params import Training

TRACK = "ctr"
MONITOR = {"auc": 1.0}
"""What training watches where params.yaml names nothing."""


@dataclass(frozen=True)
class Machine:
    """The top-level keys that decide how a run computes."""

    seed: int = bounded(low=0, high=2**63 - 1)
    threads: int = bounded(low=1)
    device: str = bounded(choices=("auto", "cpu", "cuda"))


def machine(values: dict[str, Any]) -> Machine:
    """``seed``, ``threads`` and ``device``."""
    found = {f.name: params.get(values, f.name) for f in fields(Machine)}
    return params.block(Machine, found, "params.yaml: top level")


def features(values: dict[str, Any]) -> Features:
    """``ctr.features``."""
    return params.block(Features, params.get(values, f"{TRACK}.features"), f"params.yaml: {TRACK}.features")


def model_params(values: dict[str, Any], name: str) -> tuple[Any, Training]:
    """The model's own parameters, and how it is trained: ``ctr.models.<name>`` over ``ctr.training``.

    In a neural model's block the names of :class:`Training` override that block, all others are ``Model.Params``.

    Raises:
        InputError: no such model, or a parameter that is unknown, of the wrong type or out of range.
    """
    from rankpipe.ctr.models import model_class  # loads torch

    model = model_class(name)
    where = f"params.yaml: {TRACK}.models.{name}"
    own = params.get(values, f"{TRACK}.models.{name}") or {}
    if not isinstance(own, dict):
        raise InputError(f"{where}: expected keys, got {own!r}")
    general = params.get(values, f"{TRACK}.training") or {}
    training = params.block(Training, general, f"params.yaml: {TRACK}.training")
    if not model.neural:
        return params.block(model.Params, own, where), training
    names = {f.name for f in fields(model.Params)}
    trained = {f.name for f in fields(Training)} - names
    for key in own:
        if key not in names | trained:
            raise InputError(f"{where}.{key}: unknown parameter; {nearest(key, names | trained)}")
    overrides = {k: v for k, v in own.items() if k in trained}
    return (params.block(model.Params, {k: v for k, v in own.items() if k in names}, where),
            params.block(Training, {**general, **overrides}, where))
