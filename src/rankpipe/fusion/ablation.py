"""What a model scores when a modality is hidden or belongs to another candidate: the input changes, the model doesn't.

Vectors, texts and attribute codes change together, so that no feature of a pair still tells what was taken away.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import Dataset
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.scores import ABLATIONS
from rankpipe.fusion.scoring import Scorer, attend_all, score_all

if TYPE_CHECKING:
    from rankpipe.fusion.examples import Source
    from rankpipe.fusion.vectors import Vectors


def ablated(scorer: Scorer, source: "Source", test: Examples, seed: int) -> dict[str, np.ndarray]:
    """Column → (m,) float32 for the rows of ``test``; :func:`rankpipe.fusion.scores.columns_of_ablation` names them.

    Args:
        source: what ``test`` was made from.
    """
    found = {}
    for change in ABLATIONS:
        for name in MODALITIES:
            data, vectors = changed(source.data, source.vectors, change, name, seed)
            found[f"{change}_{name}"] = score_all(scorer, replace(source, data=data, vectors=vectors).examples("test"))
    weights = attend_all(scorer, test)
    if weights is None:
        raise TypeError(f"{scorer.name} has no attention to write down")
    weights = np.where(weights.any(axis=1, keepdims=True), weights, np.float32(np.nan))
    return found | {f"attention_{name}": weights[:, i] for i, name in enumerate(MODALITIES)}


def changed(data: Dataset, vectors: "Vectors", change: str, name: str, seed: int) -> tuple[Dataset, "Vectors"]:
    """``masked``: no candidate has the modality. ``only``: no candidate has the two others. ``shuffled``: each
    candidate of test has that of another one of them, or its lack, drawn by ``seed``.
    """
    if change == "shuffled":
        return _taken(data, vectors, name, _others(data.judged("test"), len(data.candidates), seed))
    hidden = [name] if change == "masked" else [other for other in MODALITIES if other != name]
    for one in hidden:
        data, vectors = _without(data, vectors, one)
    return data, vectors


def _others(codes: np.ndarray, n: int, seed: int) -> np.ndarray:
    """(n,) whose modality each candidate gets: within ``codes`` (c,) a single round through all of them, so that
    nobody keeps its own.
    """
    drawn = np.random.default_rng([seed, 0xAB]).permutation(codes)
    of = np.arange(n)
    of[drawn] = np.roll(drawn, 1)
    return of


def _taken(data: Dataset, vectors: "Vectors", name: str, of: np.ndarray) -> tuple[Dataset, "Vectors"]:
    there = f"{name}_present"
    moved = replace(vectors, **{name: getattr(vectors, name)[of], there: getattr(vectors, there)[of]})
    if name == "text":
        texts = [data.candidates.texts[i] for i in of.tolist()]
        data = replace(data, candidates=replace(data.candidates, texts=texts))
    elif name == "attributes":
        data = replace(data, candidates=replace(data.candidates, codes=data.candidates.codes[of]))
    return data, moved


def _without(data: Dataset, vectors: "Vectors", name: str) -> tuple[Dataset, "Vectors"]:
    there = f"{name}_present"
    held = replace(vectors, **{name: np.zeros_like(getattr(vectors, name)),
                               there: np.zeros_like(getattr(vectors, there))})
    if name == "text":
        data = replace(data, candidates=replace(data.candidates, texts=[None] * len(data.candidates)))
    elif name == "attributes":
        data = replace(data, candidates=replace(data.candidates, codes=np.full_like(data.candidates.codes, -1)))
    return data, held
