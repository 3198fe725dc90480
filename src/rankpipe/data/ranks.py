"""Piecewise linear maps of many columns at once, compiled: what scaling by quantiles comes down to."""

import numpy as np
from numba import njit

_TILE = 256  # rows whose values and one column's knots stay in the fastest cache


class PiecewiseLinear:
    """F maps, each through its own points (x, y); beyond its ends a map goes on flat (``clip``) or straight.

    Args:
        columns: the columns of the input that the maps stand for.
        points: for each map its rising x and their y.
        clip: for each map.
    """

    def __init__(self, columns: list[int], points: list[tuple[np.ndarray, np.ndarray]], clip: list[bool]):
        self.columns = np.array(columns, np.int64)
        self.bits = max((len(x) for x, _ in points), default=1).bit_length()
        shape = (len(points), 1 << self.bits)
        self.x, self.y = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32)
        self.slope = np.zeros(shape, np.float32)
        self.low, self.high = (np.full(len(points), edge, np.float32) for edge in (-np.inf, np.inf))
        most = np.finfo(np.float32).max
        for i, (x, y) in enumerate(points):
            n = len(x)
            self.x[i, :n], self.y[i, :n] = x, y
            if n > 1:
                self.slope[i, :n - 1] = np.clip(np.diff(y) / np.diff(x), -most, most)
                self.slope[i, n - 1] = self.slope[i, n - 2]
            if clip[i]:
                self.low[i], self.high[i] = x[0], x[-1]

    def __call__(self, values: np.ndarray, out: np.ndarray) -> None:
        """Maps ``values`` (n, …) float32, all finite, into the same columns of ``out``."""
        _map(values, out, self.columns, self.x, self.y, self.slope, self.low, self.high, self.bits)


@njit(cache=True, nogil=True)
def _map(values, out, columns, x, y, slope, low, high, bits):
    place, v = np.empty(_TILE, np.int64), np.empty(_TILE, np.float32)
    for first in range(0, len(values), _TILE):
        n = min(_TILE, len(values) - first)
        for i in range(len(columns)):
            c, at, level, rise = columns[i], x[i], y[i], slope[i]
            for r in range(n):
                v[r] = min(max(values[first + r, c], low[i]), high[i])
                place[r] = 0
            # Bisection of all rows in step and without branches, which would be mispredicted every other time.
            for bit in range(bits - 1, -1, -1):
                for r in range(n):
                    j = place[r]
                    place[r] = j + (np.int64(at[j + (1 << bit)] <= v[r]) << bit)
            for r in range(n):
                j = place[r]
                out[first + r, c] = level[j] + rise[j] * (v[r] - at[j])
