"""What every encoder and model of the track is fitted on and judged by: candidates, queries and their slates."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from rankpipe import paths
from rankpipe.data.splits import SPLITS, TRAIN
from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysReader

TRACK = "fusion"
GRADES = 4
"""0, 1, 2 and 3."""
Split = Literal["train", "valid", "test"]
_REMEDY = "run convert (dvc repro)"
_MARKS = {name: mark - TRAIN for name, mark in SPLITS.items()}


@dataclass(frozen=True)
class Candidates:
    """C candidates, sorted by id (as numbers where all are whole numbers, else as text)."""

    ids: list[str]
    images: list[str | None]
    """Path under ``fusion.source.folder``; None: there is none, the modality is masked."""
    texts: list[str | None]
    """None: there is none, the modality is masked."""
    attributes: dict[str, list[str]]
    """The A attributes in order of their names → their values, sorted; code v is the v-th value."""
    codes: np.ndarray
    """(C, A) int32 codes, −1 = a gap."""
    popularity: np.ndarray
    """(C,) float32: the source's column; without one, the sum of the candidate's grades in train."""
    groups: np.ndarray
    """(C,) int32: candidates of one group are near-duplicates by image or text; −1 = in no slate, never looked at."""

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Queries:
    """Q queries, sorted by id as the candidates are."""

    ids: list[str]
    texts: list[str]
    domains: list[str]
    constraints: np.ndarray
    """(Q, A) int32 code of the value that the query requires, −1 = none; a value that no candidate has is coded too."""
    split: np.ndarray
    """(Q,) uint8: 0 train, 1 valid, 2 test."""

    def __len__(self) -> int:
        return len(self.ids)

    def of(self, split: Split) -> np.ndarray:
        """(q,) int64 codes of the split's queries, rising."""
        return np.flatnonzero(self.split == _MARKS[split])


@dataclass(frozen=True)
class Slates:
    """The candidates judged for each query, in starting order: the order in which the file lists them."""

    offsets: np.ndarray
    """(Q + 1,) int64, starting at 0: query q owns rows ``[offsets[q], offsets[q + 1])``, at least one."""
    candidates: np.ndarray
    """(m,) int32 codes, none twice within a query."""
    grades: np.ndarray
    """(m,) int8 from 0 (useless) to 3 (all that was asked for)."""
    meets: np.ndarray | None = None
    """(m,) bool: whoever graded says whether the candidate meets all constraints; None: the file doesn't say."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        """(Q,) int64."""
        return np.diff(self.offsets)

    @cached_property
    def queries(self) -> np.ndarray:
        """(m,) int32 query of each row."""
        return np.repeat(np.arange(len(self), dtype=np.int32), self.lengths)

    @cached_property
    def starts(self) -> np.ndarray:
        """(m,) int32 rank of each row in the starting order, from 0."""
        return (np.arange(len(self.candidates)) - np.repeat(self.offsets[:-1], self.lengths)).astype(np.int32)

    def take(self, queries: np.ndarray) -> "Slates":
        """The slates of ``queries`` (q,), in that order."""
        lengths = self.lengths[queries]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        rows = np.arange(offsets[-1]) + np.repeat(self.offsets[queries] - offsets[:-1], lengths)
        meets = None if self.meets is None else self.meets[rows]
        return Slates(offsets, self.candidates[rows], self.grades[rows], meets)


@dataclass(frozen=True)
class Dataset:
    """Everything that is known of one size."""

    candidates: Candidates
    queries: Queries
    slates: Slates
    """Of all queries."""

    def of(self, split: Split) -> tuple[np.ndarray, Slates]:
        """(q,) codes of the split's queries, and their slates in that order."""
        codes = self.queries.of(split)
        return codes, self.slates.take(codes)

    def judged(self, split: Split) -> np.ndarray:
        """(c,) int64 codes of the candidates in the split's slates, rising. Encoders are fitted on those of train."""
        return np.unique(self.of(split)[1].candidates).astype(np.int64)

    def complies(self) -> np.ndarray:
        """(m,) bool: the candidate meets all constraints of its query, as judged; else by its attributes, where a gap
        meets none. A query without constraints is always met."""
        if self.slates.meets is not None:
            return self.slates.meets
        wanted = self.queries.constraints[self.slates.queries]
        return ((wanted < 0) | (self.candidates.codes[self.slates.candidates] == wanted)).all(1)


def read(size: str) -> Dataset:
    """The data set that convert left.

    Raises:
        InputError: a file is missing, damaged or of another run; a split is empty; near-duplicate candidates stand in
            slates of two splits.
    """
    folder = paths.table(size, TRACK)
    with ArraysReader(folder / "candidates.h5", _REMEDY) as file:
        attributes = {file.words(f"attributes/{i}/name")[0]: file.words(f"attributes/{i}/values")
                      for i in sorted(file.names("attributes"), key=int)}
        candidates = Candidates(file.words("ids"), [image or None for image in file.words("images")],
                                [text or None for text in file.words("texts")], attributes, file.read("codes"),
                                file.read("popularity"), file.read("groups"))
    with ArraysReader(folder / "queries.h5", _REMEDY) as file:
        queries = Queries(file.words("ids"), file.words("texts"), file.words("domains"), file.read("constraints"),
                          file.read("split"))
    with ArraysReader(folder / "slates.h5", _REMEDY) as file:
        slates = Slates(file.read("offsets"), file.read("candidates"), file.read("grades"),
                        file.read("meets") if "meets" in file else None)
    data = Dataset(candidates, queries, slates)
    if not _fits(data):
        raise InputError(f"{folder}: its files are of different runs; {_REMEDY}")
    check(data, str(folder))
    return data


def check(data: Dataset, where: str) -> None:
    """Raises InputError where a split is empty, or near-duplicate candidates stand in slates of two splits."""
    for name, mark in _MARKS.items():
        if not (data.queries.split == mark).any():
            raise InputError(f"{where}: no query is of the split {name}; run extract and convert again")
    group = data.candidates.groups[data.slates.candidates]
    mark = data.queries.split[data.slates.queries]
    if (group < 0).any():
        raise InputError(f"{where}: judged candidates were never compared with the others; run extract again")
    first = np.full(int(group.max()) + 1, 255, np.uint8)
    first[group[::-1]] = mark[::-1]
    wrong = np.flatnonzero(first[group] != mark)
    if len(wrong):
        row = int(wrong[0])
        other = int(np.flatnonzero(group == group[row])[0])
        one, two = (data.candidates.ids[data.slates.candidates[i]] for i in (other, row))
        words = list(_MARKS)
        what = f"candidate {one}" if one == two else f"candidates {one} and {two}, near-duplicates,"
        raise InputError(f"{where}: {what} stand in slates of {words[mark[other]]} and of {words[mark[row]]}: what is "
                         "judged would have been trained on; run extract and convert again")


def _fits(data: Dataset) -> bool:
    candidates, queries, slates = data.candidates, data.queries, data.slates
    c, q, a = len(candidates), len(queries), len(candidates.attributes)
    return (candidates.codes.shape == (c, a) and queries.constraints.shape == (q, a) and len(queries.split) == q
            and len(slates) == q and slates.offsets[-1] == len(slates.candidates) == len(slates.grades)
            and len(slates.candidates) > 0 and slates.candidates.min() >= 0 and slates.candidates.max() < c)
