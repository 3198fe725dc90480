"""Runs of a ragged array: the newest items of each row, and the rows of a batch."""

import numpy as np


def newest(offsets: np.ndarray, index: np.ndarray | None, max_len: int) -> tuple[np.ndarray | None, np.ndarray]:
    """Where the newest ``max_len`` items of the rows ``index`` lie, and how many each row has.

    Returns:
        (T,) places in the flat arrays, None for all of them as they stand; (B,) int64 lengths.
    """
    full = np.diff(offsets)
    ends = offsets[1:]
    if index is not None:
        full, ends = full[index], ends[index]
    lengths = np.minimum(full, max_len)
    if index is None and int(full.max(initial=0)) <= max_len:
        return None, lengths
    return ragged_places(ends - lengths, lengths), lengths


def ragged_places(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(T,) the runs ``starts[i], starts[i] + 1, …`` of ``lengths[i]`` places, end to end."""
    before = np.cumsum(lengths) - lengths
    return np.repeat(starts - before, lengths) + np.arange(int(lengths.sum()))
