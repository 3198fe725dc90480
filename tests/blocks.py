"""A table in memory, in the place of an H5 reader."""

from dataclasses import replace

import numpy as np

from rankpipe.data.columns import Columns, Dictionaries, Sequences


def ragged(rows: list[list[int]], dtype=np.uint16, times: list[list[int]] | None = None) -> Sequences:
    flat = np.array([x for row in rows for x in row], dtype)
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in rows])]).astype(np.int64)
    seconds = None if times is None else np.array([t for row in times for t in row], np.int64)
    return Sequences(offsets, {"item": flat}, seconds)


def rows_of(columns: Columns, start: int, stop: int) -> Columns:
    def cut(x):
        return None if x is None else x[start:stop]

    sequences = {}
    for name, s in columns.sequences.items():
        low, high = s.offsets[start], s.offsets[stop]
        sequences[name] = Sequences(s.offsets[start:stop + 1] - low, {f: v[low:high] for f, v in s.fields.items()},
                                    None if s.times is None else s.times[low:high])
    return Columns(columns.categorical[start:stop], columns.numeric[start:stop], sequences, cut(columns.label),
                   cut(columns.rows), cut(columns.timestamp), cut(columns.group))


class Table:
    """Reads blocks of ``columns`` and remembers which."""

    def __init__(self, columns: Columns, dictionaries: Dictionaries):
        self.columns, self.dictionaries = columns, dictionaries
        self.reads: list[tuple[int, int]] = []

    def __len__(self) -> int:
        return len(self.columns)

    def read(self, start: int, stop: int, sequences: bool = True) -> Columns:
        self.reads.append((start, stop))
        rows = rows_of(self.columns, start, stop)
        return rows if sequences else replace(rows, sequences={})


def generated(rows: int, seed: int = 0, lengths: np.ndarray | None = None) -> Table:
    """Rows of a schema with categorical a, b, numeric x, y and a sequence; the label follows a and the sequence."""
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 12, rows) if lengths is None else lengths
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    items = rng.integers(0, 30, int(offsets[-1])).astype(np.uint16)
    a, b = rng.integers(-1, 6, rows), rng.integers(0, 3, rows)
    numeric = rng.normal(size=(rows, 2)).astype(np.float32)
    numeric[rng.random(rows) < 0.1, 1] = np.nan
    logit = 0.8 * (a - 2.5) + numeric[:, 0]
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.float32)
    sequences = {"seq": Sequences(offsets, {"item": items})}
    columns = Columns(np.stack([a, b], 1).astype(np.int32), numeric, sequences, label, np.arange(rows) * 3)
    return Table(columns, {"a": [f"a{i}" for i in range(6)], "b": ["u", "v", "w"]})
