"""Which of the chosen rows train, which stop training, and which judge: random, group, tail and given splits.

Functions mark rows in (N,) uint8 over the raw file: UNUSED, TRAIN, VALID or TEST. A row has one mark, so the splits
of one size are disjoint.
"""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from rankpipe.data.sampling import allocate, count, lowest, strata_offsets, word_key
from rankpipe.errors import InputError, nearest

UNUSED, TRAIN, VALID, TEST = 0, 1, 2, 3
SPLITS = {"train": TRAIN, "valid": VALID, "test": TEST}


def random_split(chosen: np.ndarray, strata: np.ndarray, words: list[tuple[str, ...]], valid: float, test: float,
                 seed: int) -> np.ndarray:
    """Shares ``valid`` and ``test`` of every stratum, by a hash of its own.

    Args:
        chosen: (N,) bool.
        strata: (N,) codes into ``words``.
    """
    marks = chosen.astype(np.uint8)
    sizes = count(strata, len(words), chosen)
    rows, offsets = int(sizes.sum()), strata_offsets(seed, "split", words)
    tested = allocate(sizes, round(rows * test), offsets)
    held = allocate(sizes, round(rows * test) + round(rows * valid), offsets)
    for stratum in np.flatnonzero(held):
        members = np.flatnonzero(chosen & (strata == stratum))
        drawn = lowest(members, int(held[stratum]), seed, "split")
        marks[drawn] = VALID
        marks[drawn[:tested[stratum]]] = TEST
    return marks


def group_split(chosen: np.ndarray, codes: np.ndarray, words: list[str], valid: tuple[str, ...] | None,
                test: tuple[str, ...] | None, shares: tuple[float, float], seed: int, column: str, where: str,
                ) -> np.ndarray:
    """Holds out whole groups: those named, or, where None, groups drawn by hash until ``shares`` (valid, test) are met.

    Args:
        codes: (N,) codes of the group column into ``words``.

    Raises:
        InputError: a named value doesn't occur, or is named twice.
    """
    both = sorted(set(valid or ()) & set(test or ()))
    if both:
        raise InputError(f"params.yaml: ctr.extract.group: '{both[0]}' is held out for valid and test; name it once")
    for name, held in (("test", test), ("valid", valid)):
        for word in held or ():
            if word not in words:
                raise InputError(f"params.yaml: ctr.extract.group.{name}: no row of {where} has {column} = '{word}'; "
                                 f"{nearest(word, words[:1000])}")
    split_of = np.full(len(words), TRAIN, np.uint8)
    for mark, held in ((TEST, test), (VALID, valid)):
        split_of[[words.index(w) for w in held or ()]] = mark
    rows = count(codes, len(words), chosen)
    order = sorted(range(len(words)), key=lambda i: word_key(seed, "group", words[i]))
    for mark, held, share in ((TEST, test, shares[1]), (VALID, valid, shares[0])):
        if held is not None:
            continue
        wanted = share * rows.sum()
        for i in order:
            if wanted <= 0:
                break
            if split_of[i] == TRAIN and rows[i]:
                split_of[i] = mark
                wanted -= rows[i]
    return np.where(chosen, split_of[codes], UNUSED).astype(np.uint8)


def tail_split(chosen: np.ndarray, timestamps: np.ndarray | None, valid: float, test: float) -> np.ndarray:
    """The last rows test, those before them validate: by ``timestamps`` (N,) where there are any, else by position."""
    members = np.flatnonzero(chosen)
    if timestamps is not None:
        members = members[np.argsort(timestamps[members], kind="stable")]
    tested, held = round(len(members) * test), round(len(members) * test) + round(len(members) * valid)
    marks = chosen.astype(np.uint8)
    marks[members[len(members) - held:]] = VALID
    marks[members[len(members) - tested:]] = TEST
    return marks


def given_split(chosen: np.ndarray, lines: Iterable[str], path: Path, where: str) -> np.ndarray:
    """The words of a file, one a row of the raw file: train, valid or test. Another word on line 1 is a heading.

    Raises:
        InputError: another word, or another number of words than rows.
    """
    words = np.zeros(len(chosen), np.uint8)
    heading, count = "", 0
    for number, line in enumerate(lines, 1):
        word = line.strip()
        mark = SPLITS.get(word)
        if mark is None:
            if number == 1:
                heading = word
                continue
            raise InputError(f"{path}: line {number}: '{word}'; each line must be train, valid or test")
        if count < len(words):
            words[count] = mark
        count += 1
    if heading and count == len(words) - 1:
        raise InputError(f"{path}: line 1: '{heading}'; each line must be train, valid or test")
    if count != len(words):
        raise InputError(f"{path}: {count} words for the {len(words)} rows of {where}; give one word a row")
    return np.where(chosen, words, UNUSED).astype(np.uint8)
