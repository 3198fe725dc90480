"""Which queries train, stop training and judge, so that near-duplicate candidates never stand in two splits.

Two queries belong together where their texts are the same, or where they judge candidates of one group (the same
candidate, or near-duplicates). ``together`` keeps such queries in one split: nothing is lost, and it is what to take
where a catalogue falls into parts. Where all hangs together, ``drop`` splits query by query: a group stays in the split
that judges – test before valid, valid before train – and is dropped from the slates of the others.
"""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from rankpipe.data.sampling import word_key
from rankpipe.data.splits import SPLITS, TEST, TRAIN, UNUSED, VALID
from rankpipe.errors import InputError

FEWEST = 2
"""Candidates that a slate needs to be ranked."""


@dataclass(frozen=True)
class Asked:
    """Q queries and the m judgements of them."""

    ids: list[str]
    texts: np.ndarray
    """(Q,) int64, the same number for the same normalised text."""
    queries: np.ndarray
    """(m,) int32 query of each judgement."""
    groups: np.ndarray
    """(m,) int64 group of the judged candidate."""

    def components(self) -> np.ndarray:
        """(Q,) int64 from 0: queries that belong together have the same."""
        q, groups = len(self.ids), int(self.groups.max(initial=-1)) + 1
        rows = np.concatenate([self.queries, np.arange(q)])
        nodes = q + np.concatenate([self.groups, groups + self.texts])
        n = q + groups + int(self.texts.max(initial=-1)) + 1
        graph = coo_matrix((np.ones(len(rows), np.int8), (rows, nodes)), (n, n))
        return np.unique(connected_components(graph, directed=False)[1][:q], return_inverse=True)[1]


def together(asked: Asked, valid: float, test: float, seed: int) -> np.ndarray:
    """(Q,) uint8 marks of :mod:`rankpipe.data.splits`: whole components, in the order of a hash of their ids, go to
    test while they fit, then to valid, the rest to train.

    Raises:
        InputError: a component is so large that test or valid get less than half of their share.
    """
    return _dealt(asked, asked.components(), valid, test, seed,
                  "set params.yaml: fusion.extract.crossing to drop, which takes what crosses from the slates of train")


def by_query(asked: Asked, valid: float, test: float, seed: int) -> np.ndarray:
    """(Q,) uint8 marks: queries of the same text go together, nothing else.

    Raises:
        InputError: as :func:`together`.
    """
    return _dealt(asked, np.unique(asked.texts, return_inverse=True)[1], valid, test, seed,
                  "bring queries of more different texts")


def _dealt(asked: Asked, parts: np.ndarray, valid: float, test: float, seed: int, remedy: str) -> np.ndarray:
    keys = np.array([word_key(seed, "split", i) for i in asked.ids], np.uint64)
    sizes = np.bincount(parts)
    first = np.full(len(sizes), np.iinfo(np.uint64).max)
    np.minimum.at(first, parts, keys)
    left = {TEST: round(test * len(parts)), VALID: round(valid * len(parts))}
    wanted = dict(left)
    mark = np.full(len(sizes), TRAIN, np.uint8)
    for part in np.argsort(first, kind="stable").tolist():
        for split in (TEST, VALID):
            if sizes[part] <= left[split]:
                mark[part], left[split] = split, left[split] - sizes[part]
                break
    for name, split in SPLITS.items():
        found = int(sizes[mark == split].sum())
        if found < max(1, wanted.get(split, 0) / 2):
            raise InputError(f"params.yaml: fusion.extract: {name} gets {found} of {len(parts)} queries, since "
                             f"{int(sizes.max())} of them hang together by candidates that they share or that are "
                             f"near-duplicates, or by their texts; {remedy}")
    return mark[parts]


def crossing(asked: Asked, marks: np.ndarray) -> np.ndarray:
    """(m,) bool: judgements whose group a split of more weight judges too."""
    mark = marks[asked.queries]
    used = mark != UNUSED
    most = np.zeros(int(asked.groups.max(initial=-1)) + 1, np.uint8)
    np.maximum.at(most, asked.groups[used], mark[used])
    return used & (mark < most[asked.groups])


def too_short(asked: Asked, kept: np.ndarray) -> np.ndarray:
    """(Q,) bool: fewer than two judgements are ``kept`` (m,) bool."""
    return np.bincount(asked.queries[kept], minlength=len(asked.ids)) < FEWEST
