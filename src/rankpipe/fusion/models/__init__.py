"""The track's models: id → class. A new model is one file here, one line below and one block in params.yaml.

A neural model is a pure module ``Model(inputs, params)`` with a frozen dataclass ``Model.Params`` that also names its
loss (:mod:`rankpipe.fusion.objective`). ``prepare(features, lengths)`` sets what it takes from train before the first
step, ``shape(tensors)`` makes room for saved weights, and ``forward(batch)`` gives (m, K) scores of its K members,
whose mean is the model's. It neither trains nor moves to a device. A model that isn't a module (``Model.neural =
False``) has ``fit``, ``scores``, ``save`` and ``load``; :mod:`rankpipe.fusion.models.column`, the base of the
baselines, is the shortest.
"""

import importlib

from rankpipe.errors import InputError, nearest

MODELS = {
    "bm25": "BM25",
    "popularity": "Popularity",
    "clip_zero_shot": "CLIPZeroShot",
    "lambdamart": "LambdaMART",
    "ltr": "LTR",
    "fusion": "Fusion",
    "control": "Control",
}


def model_class(name: str) -> type:
    """The class behind a model id; imports that model's file only.

    Raises:
        InputError: not in the registry.
    """
    if name not in MODELS:
        raise InputError(f"params.yaml: fusion.models.{name}: no such model; {nearest(name, MODELS)}")
    return getattr(importlib.import_module(f"{__name__}.{name}"), MODELS[name])
