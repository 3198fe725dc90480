"""The track's models: id → class. A new model is one file here, one line below and one block in params.yaml.

A neural model is a pure module: ``Model(inputs, params)`` with a frozen dataclass ``Model.Params``; ``forward(batch)``
gives (B,) logits. It neither trains, nor moves to a device, nor applies a sigmoid. A model that isn't a module
(``Model.neural = False``) has ``fit``, ``probabilities``, ``save`` and ``load``; see
:mod:`rankpipe.ctr.models.lightgbm`.
"""

import importlib

from rankpipe.errors import InputError, nearest

MODELS = {
    "lr": "LR",
    "fm": "FM",
    "deepfm": "DeepFM",
    "dcnv2": "DCNv2",
    "autoint": "AutoInt",
    "din": "DIN",
    "bst": "BST",
    "feseq": "FESeq",
    "lightgbm": "LightGBM",
}


def model_class(name: str) -> type:
    """The class behind a model id; imports that model's file only.

    Raises:
        InputError: not in the registry.
    """
    if name not in MODELS:
        raise InputError(f"params.yaml: ctr.models.{name}: no such model; {nearest(name, MODELS)}")
    return getattr(importlib.import_module(f"{__name__}.{name}"), MODELS[name])
