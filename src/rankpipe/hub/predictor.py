"""Loads a bundle from a folder or a hub repository and scores tables with it."""

import importlib
import importlib.util
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd

from rankpipe.errors import InputError
from rankpipe.hub.bundle import REQUEST, Manifest, read_bundle
from rankpipe.hub.download import fetch
from rankpipe.io.json import read_json


class Scorer(Protocol):
    """What ``rankpipe.<track>.predictor.load(folder)`` gives."""

    id: str | None
    """Column that names a row."""
    text_columns: tuple[str, ...]
    """Columns that a CSV reader must not take for numbers."""

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) float32."""
        ...


class Predictor:
    """A loaded bundle.

    >>> predictor = Predictor.from_pretrained("build/toy/ctr/bundle")
    >>> predictor.predict(frame)                                       # frame: pandas.DataFrame
    array([0.0213, …], dtype=float32)
    """

    def __init__(self, manifest: Manifest, folder: Path, scorer: Scorer):
        self.manifest = manifest
        self.folder = folder
        self.scorer = scorer

    @classmethod
    def from_pretrained(cls, folder_or_repo: str | Path, revision: str | None = None) -> "Predictor":
        """Loads a bundle after checking every file's sha256; nothing in it is unpickled or run.

        Args:
            folder_or_repo: a folder, or a hub repository such as ``org/name`` (heeds ``HF_ENDPOINT`` and ``HF_TOKEN``).
            revision: branch, tag or commit of the repository; a folder has none.

        Raises:
            InputError: no bundle there, a corrupt file, a format or a track that this version doesn't know.
        """
        folder = fetch(folder_or_repo, revision)
        manifest = read_bundle(folder)
        module = f"rankpipe.{manifest.track}.predictor"
        if not manifest.track.isidentifier() or not _exists(module):
            raise InputError(f"{folder}: a bundle of track '{manifest.track}', which this rankpipe can't score")
        return cls(manifest, folder, importlib.import_module(module).load(folder))

    def predict(self, frame: pd.DataFrame) -> np.ndarray:
        """Scores of the rows, (N,) float32 in the frame's order; columns may stand in any order, others are ignored.

        Raises:
            InputError: a column is missing, has the wrong type or holds a value that can't be parsed; it is named.
        """
        if not isinstance(frame, pd.DataFrame):
            raise InputError(f"predict expects a pandas.DataFrame, got {type(frame).__name__}")
        return self.scorer(frame)

    def sample(self) -> tuple[pd.DataFrame, np.ndarray]:
        """The bundle's sample request: a frame of one row, and the scores it must get, (1,) float32."""
        request = read_json(self.folder / REQUEST)
        return pd.DataFrame(request["rows"]), np.asarray(request["scores"], dtype=np.float32)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
