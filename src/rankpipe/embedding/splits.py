"""Which pairs train, which choose the model and which judge it; and what must not train, so that nothing is known."""

import numpy as np

from rankpipe.data.near import Links
from rankpipe.data.sampling import keys
from rankpipe.data.splits import SPLITS, TEST, TRAIN, UNUSED, VALID


def random_split(first: np.ndarray, second: np.ndarray, valid: float, test: float, seed: int) -> np.ndarray:
    """(n,) uint8 marks: no sentence stands in two splits.

    Pairs that hang together by their sentences, directly or through other pairs, stay together; groups are taken in
    the order of a hash while they fit into a share, so a group larger than the share trains.

    Args:
        first: (n,) uint64 keys of the first sentences; ``second`` the same of the second ones.
    """
    _, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
    one, other = codes.ravel()[:len(first)], codes.ravel()[len(first):]
    links = Links(int(codes.max(initial=-1)) + 1)
    links.add(one, other)
    names, group, rows = np.unique(links.groups()[one], return_inverse=True, return_counts=True)
    place = np.full(len(names), np.iinfo(np.uint64).max)
    np.minimum.at(place, group.ravel(), np.minimum(first, second))
    order = np.argsort(keys(seed, "split", place), kind="stable")
    split_of = np.full(len(names), TRAIN, np.uint8)
    for mark, share in ((TEST, test), (VALID, valid)):
        room = round(share * len(first))
        for i in order.tolist():
            if split_of[i] == TRAIN and rows[i] <= room:
                split_of[i] = mark
                room -= int(rows[i])
    return split_of[group.ravel()]


def words_to_marks(words: list[str]) -> tuple[np.ndarray, int | None]:
    """(n,) uint8 marks of the words train, valid and test, and where the first other word stands."""
    marks = np.array([SPLITS.get(word.strip(), UNUSED) for word in words], np.uint8)
    wrong = np.flatnonzero(marks == UNUSED)
    return marks, int(wrong[0]) if len(wrong) else None


def known(held: np.ndarray, *sentences: np.ndarray) -> np.ndarray:
    """(n,) bool: one of row i's ``sentences``, each (n,) uint64 keys, is among the ``held`` ones, rising."""
    return np.any([_among(one, held) for one in sentences], axis=0)


def _among(values: np.ndarray, rising: np.ndarray) -> np.ndarray:
    if not len(rising):
        return np.zeros(len(values), bool)
    place = np.minimum(np.searchsorted(rising, values), len(rising) - 1)
    return rising[place] == values


def first_of_each(values: np.ndarray) -> np.ndarray:
    """(n,) bool: no earlier row has the same value."""
    first = np.zeros(len(values), bool)
    first[np.unique(values, return_index=True)[1]] = True
    return first


def lowest(values: np.ndarray, rows: np.ndarray, count: int | None, seed: int, purpose: str) -> np.ndarray:
    """The ``count`` of ``rows`` (positions, rising) whose ``values`` (N,) hash lowest, rising; None takes all.

    By what stands in a row and not by where it stands, so that other rows change nothing; equal rows by position.
    """
    if count is None or count >= len(rows):
        return rows
    return np.sort(rows[np.argsort(keys(seed, purpose, values[rows]), kind="stable")[:count]])
