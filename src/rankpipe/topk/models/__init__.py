"""The track's models: id → class. A new model is one file here, one line below and one block in params.yaml.

A neural model is a pure module ``Model(inputs, params)`` with a frozen dataclass ``Model.Params`` that also names its
loss (:mod:`rankpipe.topk.objective`). It neither trains, nor moves to a device, nor applies a sigmoid. A *separable*
one is an inner product: ``forward(batch)`` gives (B, I) scores of the batch's users and all items, and ``factors()``
both sides. Any other gives (T, 1 + N) scores of the batch's pairs, and ``block(users)`` (B, I) scores.

A model that isn't a module (``Model.neural = False``) has ``fit``, ``state`` and ``restore``, and either ``factors()``
or ``scores(histories)``; :mod:`rankpipe.topk.models.als` and :mod:`rankpipe.topk.models.ease` are examples.
"""

import importlib

from rankpipe.errors import InputError, nearest

MODELS = {
    "pop": "Pop",
    "itemknn": "ItemKNN",
    "ease": "EASE",
    "als": "ALS",
    "mf": "MF",
    "lmf": "LMF",
    "fm": "FM",
    "lfm": "LFM",
    "deepfm": "DeepFM",
    "cfm": "CFM",
}


def model_class(name: str) -> type:
    """The class behind a model id; imports that model's file only.

    Raises:
        InputError: not in the registry.
    """
    if name not in MODELS:
        raise InputError(f"params.yaml: topk.models.{name}: no such model; {nearest(name, MODELS)}")
    return getattr(importlib.import_module(f"{__name__}.{name}"), MODELS[name])
