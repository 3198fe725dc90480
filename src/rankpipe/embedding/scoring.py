"""How similar an encoder finds two sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rankpipe.embedding.table import Pairs
from rankpipe.errors import InputError

if TYPE_CHECKING:
    import torch

    from rankpipe.embedding.encoder import Encoder


def embedded(encoder: Encoder, pairs: Pairs, device: str | torch.device = "cpu") -> tuple[np.ndarray, np.ndarray]:
    """(n, dim) float32 vectors of first and second sentences, of length 1; each different sentence is encoded once.

    Raises:
        InputError: a vector is no number.
    """
    texts = sorted({*pairs.first, *pairs.second})
    place = {text: i for i, text in enumerate(texts)}
    vectors = unit(encoder.encode(texts, device=device))
    return vectors[[place[t] for t in pairs.first]], vectors[[place[t] for t in pairs.second]]


def cosines(encoder: Encoder, pairs: Pairs, device: str | torch.device = "cpu") -> np.ndarray:
    """(n,) float32 cosine of each pair.

    Raises:
        InputError: a vector is no number.
    """
    first, second = embedded(encoder, pairs, device)
    return np.einsum("nd,nd->n", first, second)


def unit(vectors: np.ndarray) -> np.ndarray:
    """(n, dim) rows at length 1; a row of zeros stays one.

    Raises:
        InputError: a row holds what is no number.
    """
    bad = ~np.isfinite(vectors).all(axis=1)
    if bad.any():
        raise InputError(f"{int(bad.sum())} of {len(bad)} sentences have vectors that are no numbers; training "
                         "diverged, lower lr and train again")
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
