"""A block of rows as typed columns: what parsing yields, what H5 holds, what encoders read.

H5 layout of one split (``build/<size>/<track>/table/<split>.h5``), every dataset chunked along rows and appended to::

    /label                     (N,) float32
    /rows                      (N,) int64, position in the raw file
    /timestamp                 (N,) int64, where the schema names one
    /group                     (N,) int32 codes, where the schema names one
    /categorical               (N, C) int32 codes, −1 = missing
    /numeric                   (N, F) float32, NaN = missing: the schema's numerics, then the sequence statistics
    /sequence/<group>/offsets  (N + 1,) int64
    /sequence/<group>/<field>  (T,) unsigned integers of the smallest width that holds them
    /sequence/<group>/times    (T,) int64, where the group has timestamps
    /dictionary/<column>       the words behind the codes, UTF-8, in order of first appearance

Attributes of the file: ``format`` (an integer version) and ``schema`` (JSON).
"""

from dataclasses import dataclass, field

import numpy as np

FORMAT = 1


@dataclass
class Sequences:
    """One sequence group of n rows, uncut, oldest first; row i owns ``[offsets[i], offsets[i + 1])``."""

    offsets: np.ndarray
    """(n + 1,) int64, starting at 0."""
    fields: dict[str, np.ndarray]
    """Field → (T,) unsigned item values (``items: int``) or dictionary codes (``items: text``)."""
    times: np.ndarray | None = None
    """(T,) int64 unix seconds."""

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)


@dataclass
class Columns:
    """n rows in file order. Dictionaries belong to the file, not to the block, and travel beside it."""

    categorical: np.ndarray
    """(n, C) int32 codes into the dictionary of each column, −1 = missing."""
    numeric: np.ndarray
    """(n, F) float32, NaN = missing."""
    sequences: dict[str, Sequences] = field(default_factory=dict)
    label: np.ndarray | None = None
    """(n,) float32."""
    rows: np.ndarray | None = None
    """(n,) int64 position in the raw file."""
    timestamp: np.ndarray | None = None
    """(n,) int64 unix seconds."""
    group: np.ndarray | None = None
    """(n,) int32 codes."""

    def __len__(self) -> int:
        return len(self.categorical)


Dictionaries = dict[str, list[str]]
"""Column → words in order of first appearance. Sequence fields of text items stand under ``<group>.<field>``, the group column under ``/group``."""
