"""Which rows of a table make up a smaller one: drawn by a hash of the row's position, stratified, and nested.

Nothing depends on the order of reading, on threads or on unrelated columns, and a larger sample holds every smaller
one of the same seed. Rows from the head of a file that is sorted by day would be no sample.
"""

import hashlib

import numpy as np

_GOLDEN = 0x9E3779B97F4A7C15
_SLICE = 1 << 18


def keys(seed: int, purpose: str, rows: np.ndarray) -> np.ndarray:
    """(n,) uint64, evenly spread, unrelated between purposes: splitmix64 (Steele, Lea, Flood 2014) of the positions."""
    salt = np.uint64(word_key(seed, purpose, ""))
    with np.errstate(over="ignore"):
        x = rows.astype(np.uint64) * np.uint64(_GOLDEN) + salt
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            x ^= x >> np.uint64(shift)
            x *= np.uint64(factor)
        x ^= x >> np.uint64(31)
    return x


def word_key(seed: int, purpose: str, word: str) -> int:
    """The same for a word: 64 bits."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{purpose}/{word}".encode(), digest_size=8).digest(), "little")


def allocate(sizes: np.ndarray, total: int, offsets: np.ndarray) -> np.ndarray:
    """Shares ``total`` among strata in proportion to ``sizes`` (S,): one rate for all, to within one row a stratum.

    The k-th row of stratum s is due at (k + offsets[s]) / sizes[s]; the ``total`` rows due first are taken. So no share
    shrinks when ``total`` grows, which largest remainders don't promise and nesting needs. ``offsets`` in [0, 1) are
    drawn by hash: a stratum of a single row is then taken as often as any other row.

    Returns:
        (S,) int64 that sum to ``total``.
    """
    sizes, offsets = sizes.astype(np.float64), offsets.astype(np.float64)
    total = min(int(total), int(sizes.sum()))

    def due(time: float) -> np.ndarray:
        return np.clip(np.ceil(time * sizes - offsets), 0, sizes)

    low, high = 0.0, 2.0
    while low < (middle := (low + high) / 2) < high:
        if due(middle).sum() <= total:
            low = middle
        else:
            high = middle
    taken = due(low)
    times = np.where(taken < sizes, (taken + offsets) / np.maximum(sizes, 1), np.inf)
    taken[np.argsort(times, kind="stable")[:total - int(taken.sum())]] += 1
    return taken.astype(np.int64)


def strata_offsets(seed: int, purpose: str, words: list[tuple[str, ...]]) -> np.ndarray:
    """(S,) offsets for :func:`allocate`, from the strata's own words."""
    return np.array([word_key(seed, f"{purpose}/offset", "\0".join(w)) / 2**64 for w in words])


def count(codes: np.ndarray, kinds: int, marked: np.ndarray | None = None) -> np.ndarray:
    """(kinds,) int64: how often each code occurs, among the ``marked`` rows alone where given.

    In slices, since numpy counts in 8 bytes a row.
    """
    total = np.zeros(kinds, np.int64)
    for start in range(0, len(codes), _SLICE):
        part = codes[start:start + _SLICE]
        total += np.bincount(part if marked is None else part[marked[start:start + _SLICE]], minlength=kinds)
    return total


def draw(strata: np.ndarray, words: list[tuple[str, ...]], rows: int, seed: int, purpose: str = "sample") -> np.ndarray:
    """(N,) bool, True at ``rows`` rows drawn in proportion to their strata.

    Args:
        strata: (N,) codes into ``words``.

    Memory: a byte a row for the result, and while a stratum is drawn 32 bytes for each of its rows.
    """
    chosen = np.zeros(len(strata), bool)
    if rows >= len(strata):
        chosen[:] = True
        return chosen
    counts = allocate(count(strata, len(words)), rows, strata_offsets(seed, purpose, words))
    for stratum in np.flatnonzero(counts):
        members = np.flatnonzero(strata == stratum)
        chosen[lowest(members, int(counts[stratum]), seed, purpose)] = True
    return chosen


def lowest(members: np.ndarray, count: int, seed: int, purpose: str) -> np.ndarray:
    """The ``count`` rows of ``members`` (positions, rising) with the lowest keys, in order of their keys.

    Two rows never share a key: splitmix64 is a bijection of the positions.
    """
    key = keys(seed, purpose, members)
    if count < len(members):
        few = np.argpartition(key, count)[:count]
        members, key = members[few], key[few]
    return members[np.argsort(key)]
