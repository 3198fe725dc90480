"""Vectors of all candidates and queries of one size, as encode leaves them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from rankpipe import paths
from rankpipe.errors import InputError
from rankpipe.fusion.inputs import MODALITIES, TRACK
from rankpipe.io.arrays import ArraysReader

FILE = "vectors.h5"
"""In the features folder; no part of a bundle."""
_REMEDY = "run encode (dvc repro)"


@dataclass(frozen=True)
class Vectors:
    """Rows are candidates or queries in order of their codes, of length 1 but for attributes; zeros where a modality is
    missing."""

    image: np.ndarray
    """(C, d_i) float32"""
    image_present: np.ndarray
    """(C,) bool"""
    text: np.ndarray
    """(C, d_t) float32"""
    text_present: np.ndarray
    attributes: np.ndarray
    """(C, d_a) float32"""
    attributes_present: np.ndarray
    """(C,) bool: any attribute is known."""
    query: np.ndarray
    """(Q, d_t) float32 in the texts' space."""
    query_image: np.ndarray | None
    """(Q, d_i) float32 in the images' space; None: nothing leads there from a text."""
    models: Mapping[str, str] = field(default_factory=dict)
    """Modality → its encoder, as params.yaml names it."""
    revisions: Mapping[str, str] = field(default_factory=dict)
    """Modality → commit or hash of it."""


def read(size: str) -> Vectors:
    """
    Raises:
        InputError: encode hasn't run, or its file is damaged.
    """
    path = paths.features(size, TRACK) / FILE
    with ArraysReader(path, _REMEDY) as file:
        arrays = {name: file.read(name) for modality in MODALITIES for name in (modality, f"{modality}_present")}
        about = {key: dict(zip(MODALITIES, file.words(key), strict=True)) for key in ("models", "revisions")}
        found = Vectors(**arrays, query=file.read("query"),
                        query_image=file.read("query_image") if "query_image" in file else None, **about)
    if len({len(rows) for rows in arrays.values()}) != 1 or found.query.shape[1] != found.text.shape[1]:
        raise InputError(f"{path}: damaged, its parts are of different lengths; delete it and {_REMEDY}")
    return found
