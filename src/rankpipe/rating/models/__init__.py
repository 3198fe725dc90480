"""The track's models: id → class. A new model is one file here, one line below and one block in params.yaml.

A neural model is a pure module: ``Model(inputs, params)`` with a frozen dataclass ``Model.Params``; ``forward(batch)``
gives (B,) ratings within ``[inputs.low, inputs.high]``. It neither trains nor moves to a device. A model that isn't a
module (``Model.neural = False``) has ``fit``, ``ratings``, ``save`` and ``load``; see
:mod:`rankpipe.rating.models.mean`, the shortest. All take their columns by block name and in the order of the names,
whatever the order in which the data holds them, and say in ``reads`` which blocks they read.
"""

import importlib

from rankpipe.errors import InputError, nearest

MODELS = {
    "mean": "Mean",
    "bias": "Bias",
    "mf": "MF",
    "ridge": "Ridge",
    "lightgbm": "LightGBM",
    "deepfm": "DeepFM",
    "multitower": "MultiTower",
}


def model_class(name: str) -> type:
    """The class behind a model id; imports that model's file only.

    Raises:
        InputError: not in the registry.
    """
    if name not in MODELS:
        raise InputError(f"params.yaml: rating.models.{name}: no such model; {nearest(name, MODELS)}")
    return getattr(importlib.import_module(f"{__name__}.{name}"), MODELS[name])
