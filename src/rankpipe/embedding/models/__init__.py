"""The track's models: id → class, the link of the chain that it is. A new model is one file here, one line below and
one block in params.yaml.

A trained link is a module ``Model(encoder, params)`` over the encoder of the link before, with a frozen dataclass
``Model.Params``. Its parameters with ``requires_grad`` are what training changes; ``forward(batch)`` gives what its
loss takes; ``finished()`` gives the :class:`rankpipe.embedding.encoder.Encoder` to save, embed and go on with. It
neither trains nor moves to a device. ``trained = False`` marks what has no randomness: one run, under ``all``.
"""

import importlib

from rankpipe.errors import InputError, nearest

MODELS = {
    "tfidf": "TfIdf",
    "base": "Base",
    "vocabulary": "Vocabulary",
    "simcse": "SimCSE",
    "bottleneck": "Bottleneck",
    "hierarchical": "Hierarchical",
    "supervised": "Supervised",
}
TRAINED = ("simcse", "bottleneck", "hierarchical", "supervised")
"""Links that train, one run a seed."""


def known(name: str) -> str:
    """``name`` itself.

    Raises:
        InputError: not in the registry.
    """
    if name not in MODELS:
        raise InputError(f"params.yaml: embedding.models.{name}: no such model; {nearest(name, MODELS)}")
    return name


def model_class(name: str) -> type:
    """The class behind a model id; imports that model's file only.

    Raises:
        InputError: not in the registry.
    """
    return getattr(importlib.import_module(f"{__name__}.{known(name)}"), MODELS[name])
