"""Near-duplicates among any number of images or texts: compact signatures, compared only where a part of them is equal.

Images: a perceptual hash of the light (64 signs of the lowest frequencies of the cosine transform, Zauner 2010) and an
8 × 8 thumbnail in colour. Texts: MinHash (Broder 1997) over pairs of neighbouring words. Both survive what shops do to
their data, resizing, recompressing, a changed word; neither sees cropped, mirrored or translated copies.
"""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

import numpy as np
from scipy.fft import dctn
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

EDGE = 32
"""Pixels of the square that an image is hashed from."""
PERMUTATIONS = 128
_BAND_ROWS = 4
"""32 bands of 4: of texts that share .8 of their word pairs one in ten million is missed."""
_PAIRS = 1 << 20
_WORD = re.compile(r"\w+")


class Links:
    """Which of n things belong together, directly or through others."""

    def __init__(self, n: int):
        self._groups = np.arange(n)
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._held = 0

    def add(self, one: np.ndarray, other: np.ndarray) -> None:
        """one[i] belongs to other[i]."""
        self._pairs.append((one, other))
        self._held += len(one)
        if self._held > _PAIRS:
            self._settle()

    def groups(self) -> np.ndarray:
        """(n,) int64: the lowest of each thing's group."""
        self._settle()
        return self._groups

    def _settle(self) -> None:
        n = len(self._groups)
        one, other = (np.concatenate([np.arange(n) if k else self._groups, *(pair[k] for pair in self._pairs)])
                      for k in (0, 1))
        labels = connected_components(coo_matrix((np.ones(len(one), np.int8), (one, other)), (n, n)), directed=False)[1]
        first = np.full(n, n)
        np.minimum.at(first, labels, np.arange(n))
        self._groups, self._pairs, self._held = first[labels], [], 0


def image_signature(pixels: np.ndarray) -> np.ndarray:
    """(8 + 192,) uint8: hash and thumbnail of (32, 32, 3) uint8."""
    light = pixels.astype(np.float64) @ (0.299, 0.587, 0.114)
    low = np.round(dctn(light, norm="ortho")[:8, :8], 3)
    bits = np.packbits((low > np.median(low)).ravel())
    thumbnail = pixels.reshape(8, EDGE // 8, 8, EDGE // 8, 3).astype(np.uint16).mean((1, 3))
    return np.concatenate([bits, np.rint(thumbnail).astype(np.uint8).ravel()])


def near_images(signatures: np.ndarray, bits: int, colour: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows of ``signatures`` (n, 200) whose hashes differ in at most ``bits`` of 64 and whose thumbnails
    differ by at most ``colour`` of 255 on average.

    Hashes that differ in b bits agree in one of b + 1 parts, whichever bits these are: no pair is missed.
    """
    kept, first = _distinct(signatures)
    yield kept[first], np.arange(len(signatures))
    hashes = signatures[kept, :8].copy().view(">u8")[:, 0].astype(np.uint64)
    thumbnails = signatures[kept, 8:].astype(np.int16)
    edges = np.linspace(0, 64, bits + 2).astype(int)
    parts = np.stack([(hashes >> np.uint64(a)) & np.uint64((1 << (b - a)) - 1) for a, b in pairwise(edges.tolist())], 1)

    def close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        alike = np.bitwise_count(hashes[one] ^ hashes[other]) <= bits
        alike[alike] = np.abs(thumbnails[one[alike]] - thumbnails[other[alike]]).mean(1) <= colour
        return alike

    for one, other in _alike(parts, close, rows=1 << 16):
        yield kept[one], kept[other]


def normalised(text: str) -> str:
    """Words alone, in lower case, without accents' spelling or punctuation."""
    return " ".join(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def text_signature(text: str) -> np.ndarray:
    """(128,) uint64: for each of 128 orders of all pairs of words, the first that the text holds."""
    words = normalised(text).split()
    shingles = {" ".join(pair) for pair in pairwise(words)} or {" ".join(words)}
    hashes = np.array([_hash(s) for s in shingles], np.uint64)
    mixed = hashes[:, None] * _factors()[0] + _factors()[1]  # wraps, as it should
    mixed ^= mixed >> np.uint64(29)
    return (mixed * np.uint64(0xBF58476D1CE4E5B9)).min(0)


def near_texts(signatures: np.ndarray, similarity: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Pairs of rows of ``signatures`` (n, 128) whose texts share ``similarity`` of their word pairs, by estimate (the
    standard error is .035 at .8)."""
    kept, first = _distinct(signatures)
    yield kept[first], np.arange(len(signatures))
    distinct = signatures[kept]
    with np.errstate(over="ignore"):
        bands = distinct.reshape(len(distinct), -1, _BAND_ROWS) @ np.array([1, 3, 5, 7], np.uint64)

    def close(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return (distinct[one] == distinct[other]).mean(1) >= similarity

    for one, other in _alike(bands, close, rows=1 << 14):
        yield kept[one], kept[other]


def _distinct(signatures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First row of each distinct signature, and of every row which of these is equal to it. A placeholder that a
    thousand candidates share would else be compared a million times."""
    _, kept, first = np.unique(signatures, axis=0, return_index=True, return_inverse=True)
    return kept, first.ravel()


def _alike(parts: np.ndarray, close: Callable[[np.ndarray, np.ndarray], np.ndarray], rows: int,
           ) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Close pairs among rows of ``parts`` (n, B) that agree in some column; ``rows`` pairs are compared at a time."""
    for column in parts.T:
        order = np.argsort(column, kind="stable")
        _, starts, counts = np.unique(column[order], return_index=True, return_counts=True)
        most = int(counts.max(initial=1))
        ends = np.repeat(starts + counts, counts)
        for gap in range(1, most):  # place i against place i + gap of the same run
            places = np.flatnonzero(np.arange(len(order)) + gap < ends)
            for at in range(0, len(places), rows):
                one, other = order[places[at:at + rows]], order[places[at:at + rows] + gap]
                alike = close(one, other)
                if alike.any():
                    yield one[alike], other[alike]


@lru_cache(maxsize=1)
def _factors() -> np.ndarray:
    """(2, 128) uint64, the first row odd."""
    drawn = np.array([[_hash(f"{k}/{i}") for i in range(PERMUTATIONS)] for k in range(2)], np.uint64)
    drawn[0] |= np.uint64(1)
    return drawn


@lru_cache(maxsize=1 << 18)
def _hash(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode("utf-8", "replace"), digest_size=8).digest(), "little")
