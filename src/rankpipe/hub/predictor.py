"""Loads a bundle from a folder or a hub repository and scores tables with it."""

import importlib
import importlib.util
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from rankpipe.errors import InputError
from rankpipe.hub.bundle import REQUEST, Manifest, read_bundle
from rankpipe.hub.download import fetch
from rankpipe.io.json import read_json


class Scorer(Protocol):
    """What ``rankpipe.<track>.predictor.load(folder)`` gives. A track may offer more beside it, such as lists of the
    best items for a user; its predictor module says what.
    """

    id: str | None
    """Column that names a row; None where rows have no name, or more than one column of it."""
    text_columns: tuple[str, ...]
    """Columns that a CSV reader must not take for numbers."""

    def __call__(self, frame: pd.DataFrame) -> np.ndarray | pd.DataFrame:
        """(N,) float32, or a frame where a row has many answers."""
        ...


class Predictor:
    """A loaded bundle. What a track offers beside ``predict`` is reached by ``predictor.scorer``.

    >>> predictor = Predictor.from_pretrained("build/toy/ctr/bundle")
    >>> predictor.predict(frame)                                       # frame: pandas.DataFrame
    array([0.0213, …], dtype=float32)
    >>> predictor.scorer                # of the track: see its predictor module, such as rankpipe.topk.predictor
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

    def predict(self, frame: pd.DataFrame) -> np.ndarray | pd.DataFrame:
        """Scores of the rows, (N,) float32 in the frame's order, or a frame of all answers in the order of the rows.

        Columns may stand in any order, others are ignored.

        Raises:
            InputError: a column is missing, has the wrong type or holds a value that can't be parsed; it is named.
        """
        if not isinstance(frame, pd.DataFrame):
            raise InputError(f"predict expects a pandas.DataFrame, got {type(frame).__name__}")
        return self.scorer(frame)

    def rank(self, query: Any, candidates: Any = None) -> pd.DataFrame:
        """The candidates of one query, best first, from a bundle that ranks; what a query and a candidate are says the
        track's predictor module, such as rankpipe.fusion.predictor.

        Raises:
            InputError: a bundle that predicts single rows only; a query or a candidate that can't be read.
        """
        if not hasattr(self.scorer, "rank"):
            raise InputError(f"a bundle of track '{self.manifest.track}' ranks no candidates for a query; use predict")
        return self.scorer.rank(query, candidates)

    def sample(self) -> tuple[pd.DataFrame, np.ndarray | pd.DataFrame]:
        """The bundle's sample request: a frame of a row or a few, and what they must get: (N,) float32 or a frame."""
        request = read_json(self.folder / REQUEST)
        frame = pd.DataFrame(request["rows"])
        if "answers" in request:
            return frame, pd.DataFrame(request["answers"])
        return frame, np.asarray(request["scores"], dtype=np.float32)


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False
