"""The track's side of a bundle: how similar two sentences are, vectors of sentences, and search in a predicted file.

>>> predictor = Predictor.from_pretrained("build/toy/embedding/bundle")
>>> predictor.predict(frame)                      # columns sentence1, sentence2
array([0.83, …], dtype=float32)
>>> predictor.scorer.embed(["…", "…"])            # (2, d) float32, of length 1
>>> predictor.scorer.search("…", "build/toy/embedding/predictions", top=5)    # a frame: score, row, text

The bundle's folder is a model of sentence-transformers, which gives the same vectors: ``SentenceTransformer(folder)``,
and with adapters ``SentenceTransformer(folder, trust_remote_code=True)``, or without that once this module is imported.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.encoder import load as load_encoder
from rankpipe.embedding.scoring import unit
from rankpipe.embedding.search import found, place_of
from rankpipe.errors import InputError, nearest

COLUMNS = ("sentence1", "sentence2")
BATCH = 64


class PairScorer:
    """An encoder that was shipped."""

    id: str | None = None
    text_columns = COLUMNS

    def __init__(self, encoder: Encoder, folder: Path):
        self.encoder, self.folder = encoder, folder

    def __call__(self, frame: pd.DataFrame) -> np.ndarray:
        """(N,) float32 cosines; see :meth:`rankpipe.hub.Predictor.predict`."""
        first, second = (self.embed(_sentences(frame, column)) for column in COLUMNS)
        return np.einsum("nd,nd->n", first, second)

    def embed(self, texts: Sequence[str]) -> np.ndarray:
        """(n, d) float32 vectors of length 1.

        Raises:
            InputError: one of ``texts`` isn't text.
        """
        if isinstance(texts, str):
            raise InputError("embed wants a list of texts, got a single text; put it in a list")
        for i, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"embed: text {i} (the first is 0) isn't text but {text!r:.60}")
        if not len(texts):
            return np.zeros((0, self.encoder.dim), np.float32)
        return unit(self.encoder.encode(list(texts), BATCH))

    def search(self, text: str, folder: str | Path, top: int = 10) -> pd.DataFrame:
        """The ``top`` sentences nearest to ``text`` among those that the predict stage embedded into ``folder``:
        columns score (cosine), row and text, nearest first.

        Raises:
            InputError: a missing or damaged file, or another model's vectors.
        """
        place_of(Path(folder), self.folder)
        hits = found(Path(folder), self.embed([text]), top)[0]
        return pd.DataFrame({name: [getattr(hit, name) for hit in hits] for name in ("score", "row", "text")})


def _sentences(frame: pd.DataFrame, column: str) -> list[str]:
    names = list(frame.columns)
    if column not in names:
        raise InputError(f"the frame has no column '{column}'; {nearest(column, names)}")
    if names.count(column) > 1:
        raise InputError(f"the frame has {names.count(column)} columns '{column}'; keep one")
    values = frame[column].tolist()
    for row, value in enumerate(values):
        if not isinstance(value, str) or not value.strip():
            raise InputError(f"the frame: column '{column}', row {row}: expected a sentence, got {value!r:.60}")
    return values


def load(bundle: Path) -> PairScorer:
    """The scoring function of a bundle folder; see :mod:`rankpipe.hub.bundle`. Runs nothing that lies in it.

    Raises:
        InputError: a file is missing or damaged.
    """
    return PairScorer(load_encoder(bundle), Path(bundle))
