"""The track's models, the links of the chain. A new link is one file here, one line below and one block in params.yaml.

A link is a module ``Link(encoder, params)`` over the encoder of the link before it. Its parameters with
``requires_grad`` are what training changes; ``forward(batch)`` gives (C, b, dim) vectors of a batch of b rows of C
sentences; ``finished()`` gives the :class:`rankpipe.embedding.encoder.Encoder` to save, embed with and go on from. It
neither trains nor moves to a device. The base is :mod:`rankpipe.embedding.base`, the expanded vocabulary
:mod:`rankpipe.embedding.vocabulary`, the baseline without a network :mod:`rankpipe.embedding.tfidf`: no random number
goes into these, they have one run.
"""

import importlib

from rankpipe.errors import InputError, nearest

LINKS = {"simcse": "SimCSE", "bottleneck": "Bottleneck", "hierarchical": "Hierarchical", "supervised": "Supervised"}
"""Id → class of what trains."""
MODELS = ("tfidf", "base", "vocabulary", *LINKS)


def known(name: str) -> str:
    """``name`` itself.

    Raises:
        InputError: not in the registry.
    """
    if name not in MODELS:
        raise InputError(f"params.yaml: embedding.models.{name}: no such model; {nearest(name, MODELS)}")
    return name


def link_class(name: str) -> type:
    """The class behind the id of a link that trains; imports that link's file only.

    Raises:
        InputError: not in the registry.
        KeyError: it doesn't train.
    """
    return getattr(importlib.import_module(f"{__name__}.{known(name)}"), LINKS[name])
