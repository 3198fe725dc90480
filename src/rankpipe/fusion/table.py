"""What convert leaves in ``build/<size>/fusion/table``; :func:`rankpipe.fusion.dataset.read` reads it.

candidates.h5: ids, images, texts (words, "" = none), attributes/<i>/{name,values}, codes (C, A) int32, popularity (C,)
float32, groups (C,) int32. queries.h5: ids, texts, domains, constraints (Q, A) int32, split (Q,) uint8. slates.h5:
offsets (Q + 1,) int64, candidates (m,) int32, grades (m,) int8 and, where the judgements say so, meets (m,) bool.
"""

from pathlib import Path

import numpy as np

from rankpipe.fusion.dataset import Dataset
from rankpipe.io.arrays import ArraysWriter


def write(folder: Path, data: Dataset) -> None:
    """The three files."""
    candidates, queries, slates = data.candidates, data.queries, data.slates
    with ArraysWriter(folder / "candidates.h5") as file:
        file.words("ids", candidates.ids)
        file.words("images", [image or "" for image in candidates.images])
        file.words("texts", [text or "" for text in candidates.texts])
        for i, (name, values) in enumerate(candidates.attributes.items()):
            file.words(f"attributes/{i}/name", [name])
            file.words(f"attributes/{i}/values", values)
        file.put("codes", candidates.codes.astype(np.int32))
        file.put("popularity", candidates.popularity.astype(np.float32))
        file.put("groups", candidates.groups.astype(np.int32))
    with ArraysWriter(folder / "queries.h5") as file:
        for name in ("ids", "texts", "domains"):
            file.words(name, getattr(queries, name))
        file.put("constraints", queries.constraints.astype(np.int32))
        file.put("split", queries.split.astype(np.uint8))
    with ArraysWriter(folder / "slates.h5") as file:
        file.put("offsets", slates.offsets.astype(np.int64))
        file.put("candidates", slates.candidates.astype(np.int32))
        file.put("grades", slates.grades.astype(np.int8))
        if slates.meets is not None:
            file.put("meets", slates.meets.astype(bool))
