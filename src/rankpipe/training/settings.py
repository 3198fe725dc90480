"""The parts of params.yaml that every track's training reads: the machine, and a model's block over the track's."""

from dataclasses import dataclass, fields
from typing import Any

from rankpipe import params
from rankpipe.errors import InputError, nearest
from rankpipe.params import bounded
from rankpipe.training.params import Training


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


def model_params(values: dict[str, Any], track: str, name: str, model: type) -> tuple[Any, Training]:
    """The model's own parameters, and how it is trained: ``<track>.models.<name>`` over ``<track>.training``.

    In a neural model's block the names of :class:`Training` override that block, all others are ``model.Params``.

    Args:
        model: the class behind ``name``, with ``Params`` and ``neural``.

    Raises:
        InputError: a parameter that is unknown, of the wrong type or out of range.
    """
    where = f"params.yaml: {track}.models.{name}"
    own = params.get(values, f"{track}.models.{name}") or {}
    if not isinstance(own, dict):
        raise InputError(f"{where}: expected keys, got {own!r}")
    general = params.get(values, f"{track}.training") or {}
    training = params.block(Training, general, f"params.yaml: {track}.training")
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
