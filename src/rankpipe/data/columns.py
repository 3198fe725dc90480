"""A block of rows as typed columns: what parsing yields, what H5 holds, what encoders read.

H5 layout of one split (``build/<size>/<track>/table/<split>.h5``), every dataset chunked along rows and appended to::

    /label                     (N,) float32
    /rows                      (N,) int64, position in the raw file
    /timestamp                 (N,) int64, where the schema names one
    /group                     (N,) int32 codes, where the schema names one
    /categorical               (N, C) int32 codes, −1 = missing
    /numeric                   (N, F) float32, NaN = missing: the schema's numerics, then the sequence statistics
    /sequence/<group>/offsets  (N + 1,) int64
    /sequence/<group>/fields/<field>  (T,) uint32; bitshuffle and lz4 make the zero bits vanish
    /sequence/<group>/times    (T,) int64, where the group has timestamps
    /dictionary/<i>/text       (bytes,) uint8: the words behind the codes, UTF-8, end to end, in order of first
                               appearance; the group's attribute ``column`` says whose
    /dictionary/<i>/ends       (words,) int64, where each word ends in text

Attributes of the file: ``format`` (an integer version) and ``schema`` (JSON). In names of groups and fields ``%`` and
``/`` are written %25 and %2F.
"""

from collections.abc import Iterable
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

    def take(self, index: np.ndarray) -> "Columns":
        """The rows ``index`` (m,), in that order."""
        from rankpipe.data.tokens import take_ragged  # compiled code is only loaded where rows are picked

        def pick(x: np.ndarray | None) -> np.ndarray | None:
            return None if x is None else x[index]

        sequences = {}
        for name, s in self.sequences.items():
            fields = {k: take_ragged(v, s.offsets, index)[1] for k, v in s.fields.items()}
            times = None if s.times is None else take_ragged(s.times, s.offsets, index)[1]
            sequences[name] = Sequences(np.concatenate([[0], np.cumsum(s.lengths[index])]), fields, times)
        return Columns(self.categorical[index], self.numeric[index], sequences, pick(self.label), pick(self.rows),
                       pick(self.timestamp), pick(self.group))


class Words(list[str]):
    """A column's words in order of first appearance, with the way back from word to code."""

    def __init__(self, words: Iterable[str] = ()):
        super().__init__(words)
        self.codes = {word: code for code, word in enumerate(self)}

    @classmethod
    def of(cls, dictionaries: "Dictionaries", key: str) -> "Words":
        """The words under ``key``, which ``dictionaries`` holds from now on in this form."""
        words = dictionaries.get(key)
        if not isinstance(words, cls):
            words = dictionaries[key] = cls(words or ())
        return words

    def grow(self, words: Iterable[str]) -> np.ndarray:
        """(len(words),) int32 codes; words that are new get the next ones."""
        out = []
        for word in words:
            code = self.codes.get(word)
            if code is None:
                code = self.codes[word] = len(self)
                self.append(word)
            out.append(code)
        return np.array(out, np.int32)


Dictionaries = dict[str, list[str]]
"""Column → words in order of first appearance. Sequence fields of text items stand under ``<group>.<field>``, the group
column under ``/group``."""
