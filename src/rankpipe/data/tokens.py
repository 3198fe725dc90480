"""Compiled passes over sequences: digits to numbers, statistics of a row's items, rows picked out of ragged arrays.

A text column arrives as Arrow holds it: one run of bytes and where each row starts in it. One pass over the bytes is
several times as fast as splitting into strings first.
"""

import numpy as np
from numba import njit

# Rows whose items all lie below count in a table of this size, which stays in the cache; others are sorted.
_TABLE = 1 << 16
# Sizes are rounded up to this many items: equal sizes are reused, odd ones leave holes and memory creeps up.
_ROOM = 1 << 16

OK, NOT_A_NUMBER, TOO_LARGE = 0, 1, 2


@njit(cache=True, nogil=True)
def _blank(byte):
    return byte == 32 or 9 <= byte <= 13


@njit(cache=True, nogil=True)
def _parse_plain_row(data, at, end, separator, limit, out, k):
    """The numbers of a row written as digits and single separators, from ``out[k]`` on; −1 where it is anything else.

    No branch depends on the bytes, so nothing is mispredicted. ``seen`` gathers the bits of every number on its way:
    none leaps over ``limit`` + 1, a power of two, unseen.
    """
    number = np.int64(0)
    seen = np.int64(0)
    odd = False
    fresh = True
    for b in range(at, end):
        digit = np.int64(data[b]) - 48
        is_digit = (digit >= 0) & (digit <= 9)
        is_separator = data[b] == separator
        odd |= not (is_digit | is_separator)
        odd |= is_separator & fresh
        out[k] = number
        k += is_separator
        number = number * 10 + digit if is_digit else np.int64(0)
        seen |= number
        fresh = is_separator
    if odd or fresh or seen > limit or seen < 0:
        return -1
    out[k] = number
    return k + 1


@njit(cache=True, nogil=True)
def parse_numbers(data, starts, valid, separator, limit, out):
    """Whole numbers ≥ 0 from the rows of a text column.

    Args:
        data: (bytes,) uint8.
        starts: (n + 1,) int64, where each row starts in ``data``.
        valid: (n,) bool; an invalid row has no items, as has an empty or blank one.
        separator: the byte between two items; blanks around items are skipped.
        limit: the greatest number allowed, 2ᵏ − 1.
        out: (≥ bytes + n,) array that takes the numbers.

    Returns:
        (offsets (n + 1,) int64, fault, row, byte): fault is OK, or what stands at ``byte`` of row ``row``.
    """
    n = len(starts) - 1
    offsets = np.zeros(n + 1, np.int64)
    k = 0
    for i in range(n):
        at, end = starts[i], starts[i + 1]
        if not valid[i]:
            end = at
        plain = _parse_plain_row(data, at, end, separator, limit, out, k)
        if plain >= 0:
            k = plain
            offsets[i + 1] = k
            continue
        while end > at and _blank(data[end - 1]):
            end -= 1
        while at < end and _blank(data[at]):
            at += 1
        while at < end:
            item = at
            number = np.int64(0)
            while at < end and 48 <= data[at] <= 57:
                number = number * 10 + (np.int64(data[at]) - 48)
                if number > limit:
                    return offsets, TOO_LARGE, i, item
                at += 1
            if at == item:
                return offsets, NOT_A_NUMBER, i, item
            out[k] = number
            k += 1
            if at == end:
                break
            while data[at] != separator and _blank(data[at]):
                at += 1
            if data[at] != separator:
                return offsets, NOT_A_NUMBER, i, item
            at += 1
            if at == end:
                return offsets, NOT_A_NUMBER, i, end
            while _blank(data[at]):
                at += 1
        offsets[i + 1] = k
    return offsets, OK, -1, -1


@njit(cache=True, nogil=True)
def sequence_statistics(values, offsets, out):
    """Length, distinct items, distinct/length, entropy in nats and last item of each row, into ``out`` (n, 5) float32.

    Entropy is −Σ p·ln p over the shares p of a row's distinct items. A row without items has 0, 0, 0, 0 and NaN.
    """
    counts = np.zeros(_TABLE, np.int32)
    weights = np.zeros(1024)
    for c in range(1, 1024):
        weights[c] = c * np.log(c)
    for i in range(len(offsets) - 1):
        start, stop = offsets[i], offsets[i + 1]
        length = stop - start
        if length == 0:
            out[i, :4] = 0
            out[i, 4] = np.nan
            continue
        distinct = 0
        weight = 0.0
        high = values[start]
        for k in range(start, stop):
            high = max(high, values[k])
        if high < _TABLE:
            for k in range(start, stop):
                counts[values[k]] += 1
            for k in range(start, stop):
                c = counts[values[k]]
                distinct += c > 0
                weight += weights[c] if c < 1024 else c * np.log(c)
                counts[values[k]] = 0
        else:
            ordered = np.sort(values[start:stop])
            c = 0
            for k in range(length):
                c += 1
                if k + 1 == length or ordered[k + 1] != ordered[k]:
                    distinct += 1
                    weight += c * np.log(c)
                    c = 0
        out[i, 0] = length
        out[i, 1] = distinct
        out[i, 2] = distinct / length
        out[i, 3] = max(np.log(length) - weight / length, 0.0)
        out[i, 4] = values[stop - 1]


@njit(cache=True, nogil=True)
def take_ragged(values, offsets, index):
    """The rows ``index`` of a ragged array: (offsets (m + 1,) int64, values)."""
    taken = np.zeros(len(index) + 1, np.int64)
    for j in range(len(index)):
        taken[j + 1] = taken[j] + offsets[index[j] + 1] - offsets[index[j]]
    out = np.empty((taken[-1] // _ROOM + 1) * _ROOM, values.dtype)[:taken[-1]]
    for j in range(len(index)):
        out[taken[j]:taken[j + 1]] = values[offsets[index[j]]:offsets[index[j] + 1]]
    return taken, out
