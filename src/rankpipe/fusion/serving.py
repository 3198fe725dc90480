"""A trained model over a catalogue: scores of candidates for queries that nobody graded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.sparse import csr_matrix, vstack

from rankpipe.data.bm25 import BM25
from rankpipe.errors import InputError, nearest
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import Candidates, Dataset, Queries, Slates
from rankpipe.fusion.pairs import FEATURES, PairFeatures
from rankpipe.fusion.scoring import Scorer, score_all
from rankpipe.fusion.vectors import Vectors

REMEMBERED = 1 << 14
"""Queries whose vectors are kept, so that asking again costs no encoding."""


class Encoders(Protocol):
    """What was fitted on train, or frozen, and made the catalogue's vectors."""

    def images(self, paths: Sequence[Path | None]) -> np.ndarray:
        """(n, d_i) float32; any values where the path is None."""
        ...

    def texts(self, texts: Sequence[str | None]) -> np.ndarray:
        """(n, d_t) float32."""
        ...

    def attributes(self, codes: np.ndarray) -> np.ndarray:
        """(n, A) codes → (n, d_a) float32."""
        ...

    def queries(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray | None]:
        """(q, d_t) float32, and (q, d_i) in the images' space where the image encoder has a text tower."""
        ...


@dataclass(frozen=True)
class Asked:
    """A query."""

    text: str
    constraints: Mapping[str, str] = field(default_factory=dict)
    """Attribute → the value that it must have."""


@dataclass(frozen=True)
class New:
    """A candidate that the catalogue doesn't hold; what is None is missing, at least one is there."""

    id: str
    text: str | None = None
    image: Path | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    popularity: float | None = None
    """None: as popular as the catalogue's median."""


class Ranker:
    """Ready to score; holds the catalogue's vectors and the words of its texts."""

    def __init__(self, scorer: Scorer, candidates: Candidates, vectors: Vectors, bm25: BM25, encoders: Encoders):
        self.scorer, self.candidates, self.vectors, self.encoders = scorer, candidates, vectors, encoders
        self.codes = {id_: code for code, id_ in enumerate(candidates.ids)}
        self._features = PairFeatures.of(Dataset(candidates, _queries([], candidates), _slates([])), vectors, bm25)
        self._seen: dict[str, tuple[np.ndarray, np.ndarray | None]] = {}

    def scores(self, asked: Sequence[Asked], slates: Sequence[Sequence[str | New]]) -> list[np.ndarray]:
        """(n,) float32 for each query, in the order of its candidates: ids of the catalogue, or new ones.

        Only differences within a slate mean anything; a score may depend on the other candidates of the slate.

        Raises:
            InputError: an unknown id, attribute or shape of the data; a damaged image.
        """
        fresh = [one for slate in slates for one in slate if isinstance(one, New)]
        features, place = (self._with(fresh), {id(one): len(self.codes) + i for i, one in enumerate(fresh)}) \
            if fresh else (self._features, {})
        codes = [[place[id(one)] if isinstance(one, New) else self.code(one) for one in slate] for slate in slates]
        data = Dataset(features.data.candidates, _queries(asked, self.candidates), _slates(codes))
        query, query_image = self._encoded([one.text for one in asked])
        vectors = replace(features.vectors, query=query, query_image=query_image)
        pairs = PairFeatures.asking(data, vectors, features.bm25, features.texts)
        every = np.arange(len(asked))
        found = score_all(self.scorer, Examples(every, data.slates, pairs(every, data.slates), FEATURES, vectors))
        return np.split(found, data.slates.offsets[1:-1])

    def code(self, id_: str) -> int:
        """Raises InputError where the catalogue doesn't hold it."""
        if id_ not in self.codes:
            raise InputError(f"candidate {id_!r} is none of the {len(self.codes)} that the model knows; describe a new "
                             "one by text, attributes or image")
        return self.codes[id_]

    def _encoded(self, texts: list[str]) -> tuple[np.ndarray, np.ndarray | None]:
        new = [text for text in dict.fromkeys(texts) if text not in self._seen]
        if new:
            if len(self._seen) + len(new) > REMEMBERED:
                self._seen.clear()
                new = list(dict.fromkeys(texts))
            query, image = self.encoders.queries(new)
            self._seen |= {text: (query[i], None if image is None else image[i]) for i, text in enumerate(new)}
        pairs = [self._seen[text] for text in texts]
        images = [image for _, image in pairs if image is not None]
        return np.stack([query for query, _ in pairs]), np.stack(images) if images else None

    def _with(self, fresh: list[New]) -> PairFeatures:
        """The catalogue with ``fresh`` behind it."""
        held, old = self.candidates, self.vectors
        codes = np.stack([coded(one.attributes, held, "attributes", -1) for one in fresh])
        usual = float(np.median(held.popularity))
        more = Candidates(
            [*held.ids, *(one.id for one in fresh)], [*held.images, *(None for _ in fresh)],
            [*held.texts, *(one.text for one in fresh)], held.attributes, np.concatenate([held.codes, codes]),
            np.append(held.popularity, [usual if one.popularity is None else one.popularity for one in fresh]).astype(
                np.float32), np.append(held.groups, np.full(len(fresh), -1, np.int32)))
        seen = {"image": (self.encoders.images([one.image for one in fresh]), [one.image is not None for one in fresh]),
                "text": (self.encoders.texts([one.text for one in fresh]), [one.text is not None for one in fresh]),
                "attributes": (self.encoders.attributes(codes), (codes >= 0).any(1))}
        vectors = replace(old, **{name: np.concatenate([getattr(old, name), new]) for name, (new, _) in seen.items()},
                          **{f"{name}_present": np.append(getattr(old, f"{name}_present"), there)
                             for name, (_, there) in seen.items()})
        bm25 = self._features.bm25
        texts = csr_matrix(vstack([self._features.texts, bm25.of_texts([one.text for one in fresh])]))
        return replace(self._features, data=replace(self._features.data, candidates=more), vectors=vectors, texts=texts)


def coded(pairs: Mapping[str, str], held: Candidates, what: str, unknown: int | None = None) -> np.ndarray:
    """(A,) int32 code of each attribute's value, −1 where ``pairs`` has none.

    Args:
        unknown: the code of a value that nobody in the catalogue has; None: one that nobody has, so that no candidate
            meets it. A candidate's own is as good as a gap: nothing was learnt of it.

    Raises:
        InputError: an attribute that the catalogue doesn't have.
    """
    for name in pairs:
        if name not in held.attributes:
            raise InputError(f"{what}: no attribute '{name}'; {nearest(name, held.attributes)}")
    return np.array([-1 if name not in pairs else values.index(pairs[name]) if pairs[name] in values
                     else len(values) if unknown is None else unknown
                     for name, values in held.attributes.items()], np.int32)


def _queries(asked: Sequence[Asked], held: Candidates) -> Queries:
    constraints = [coded(one.constraints, held, "constraints") for one in asked]
    return Queries([str(i) for i in range(len(asked))], [one.text for one in asked], [""] * len(asked),
                   np.array(constraints, np.int32).reshape(len(asked), len(held.attributes)),
                   np.full(len(asked), 2, np.uint8))


def _slates(codes: Sequence[Sequence[int]]) -> Slates:
    flat = np.array([code for slate in codes for code in slate], np.int32)
    return Slates(np.cumsum([0, *map(len, codes)]).astype(np.int64), flat, np.zeros(len(flat), np.int8))
