"""The catalogue in a bundle: what the model knows of each candidate, and how often words stand in train's texts."""

from pathlib import Path

import numpy as np

from rankpipe.data.bm25 import BM25
from rankpipe.errors import InputError
from rankpipe.fusion.dataset import Candidates
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.vectors import Vectors
from rankpipe.io.arrays import ArraysReader, ArraysWriter

FILE = "catalogue.h5"


def save_catalogue(folder: Path, candidates: Candidates, vectors: Vectors, bm25: BM25) -> None:
    """Writes what :func:`load_catalogue` reads; of ``vectors`` the candidates' alone, and no image."""
    with ArraysWriter(folder / FILE) as file:
        file.words("ids", candidates.ids)
        file.words("texts", [text or "" for text in candidates.texts])
        for i, (name, values) in enumerate(candidates.attributes.items()):
            file.words(f"attributes/{i}/name", [name])
            file.words(f"attributes/{i}/values", values)
        file.put("codes", candidates.codes.astype(np.int32))
        file.put("popularity", candidates.popularity.astype(np.float32))
        for name in MODALITIES:
            file.put(f"vectors/{name}", getattr(vectors, name))
            file.put(f"vectors/{name}_present", getattr(vectors, f"{name}_present"))
        file.put("vectors/widths", np.array([vectors.query.shape[1], -1 if vectors.query_image is None
                                             else vectors.query_image.shape[1]]))
        file.words("bm25/words", list(bm25.vocabulary))
        file.put("bm25/idf", bm25.idf)
        file.put("bm25/numbers", np.array([bm25.mean_length, bm25.k1, bm25.b]))


def load_catalogue(folder: Path) -> tuple[Candidates, Vectors, BM25]:
    """Candidates, their vectors (with none of a query) and BM25 as fitted.

    Raises:
        InputError: the file is missing or damaged.
    """
    with ArraysReader(folder / FILE, "fetch the bundle again") as file:
        ids = file.words("ids")
        attributes = {file.words(f"attributes/{i}/name")[0]: file.words(f"attributes/{i}/values")
                      for i in sorted(file.names("attributes"), key=int)}
        held = Candidates(ids, [None] * len(ids), [text or None for text in file.words("texts")], attributes,
                          file.read("codes"), file.read("popularity"), np.full(len(ids), -1, np.int32))
        query, image = file.read("vectors/widths").tolist()
        vectors = Vectors(**{name: file.read(f"vectors/{name}") for m in MODALITIES for name in (m, f"{m}_present")},
                          query=np.zeros((0, query), np.float32),
                          query_image=None if image < 0 else np.zeros((0, image), np.float32))
        mean_length, k1, b = file.read("bm25/numbers").tolist()
        vocabulary = {word: i for i, word in enumerate(file.words("bm25/words"))}
        bm25 = BM25(vocabulary, file.read("bm25/idf"), mean_length, k1, b)
    if not len(ids) == len(held.codes) == len(vectors.image) == len(vectors.text) == len(vectors.attributes):
        raise InputError(f"{folder / FILE}: damaged, its parts are of different lengths; fetch the bundle again")
    return held, vectors, bm25
