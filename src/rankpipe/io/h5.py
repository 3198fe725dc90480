"""Reads columns from one H5 file by ranges of rows. :mod:`rankpipe.data.columns` has the layout.

A damaged file is an error, never a wrong number: every chunk carries a checksum.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from rankpipe.data.columns import FORMAT, Columns, Dictionaries, Sequences, Words
from rankpipe.data.schema import Schema
from rankpipe.errors import InputError
from rankpipe.io.h5writer import ColumnsWriter, escaped
from rankpipe.params import block

__all__ = ["ColumnsReader", "ColumnsWriter"]

_DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError)  # what h5py raises over bytes that make no sense
_CACHE = 4 << 20  # bytes of unpacked chunks that a reader keeps per dataset


class ColumnsReader:
    """A file of :class:`ColumnsWriter`: ``len(reader)`` rows, read by ranges. Any number of processes may read at once.

    Raises:
        InputError: on opening or reading, where the file is missing, damaged, or of another format.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: not found; run convert (dvc repro), or fetch it (dvc pull)")
        try:
            self._file = h5py.File(self.path, "r", locking=False, rdcc_nbytes=_CACHE, rdcc_w0=1.0)
            found = int(self._file.attrs["format"])
            schema = json.loads(str(self._file.attrs["schema"]))
            self._rows = len(self._file["rows"])
        except _DAMAGE as error:
            raise InputError(f"{path}: not a whole H5 file of columns ({error}); run convert again") from error
        if found != FORMAT:
            raise InputError(f"{path}: format {found}, this version reads {FORMAT}; run convert again")
        self.schema: Schema = block(Schema, schema, f"{path}: schema")
        self.numeric_names: tuple[str, ...] = (*self.schema.numeric, *self.schema.statistic_names())

    def __len__(self) -> int:
        return self._rows

    def read(self, start: int = 0, stop: int | None = None, sequences: bool = True) -> Columns:
        """Rows ``[start, stop)`` in file order, or without their sequences, which take most of the time.

        Fastest where the bounds are multiples of the chunk (convert.chunk_rows).
        """
        stop = self._rows if stop is None else min(stop, self._rows)
        found = {}
        for name, group in self.schema.sequence.items() if sequences else ():
            at = f"sequence/{escaped(name)}"
            offsets = self._range(f"{at}/offsets", start, stop + 1)
            low, high = int(offsets[0]), int(offsets[-1])
            fields = {f: self._range(f"{at}/fields/{escaped(f)}", low, high) for f in group.fields}
            times = self._range(f"{at}/times", low, high) if group.timestamps else None
            found[name] = Sequences(offsets - low, fields, times)
        with self._whole("/"):
            names = [k for k in ("label", "rows", "timestamp", "group") if k in self._file]
        others = {k: self._range(k, start, stop) for k in names}
        return Columns(self._range("categorical", start, stop), self._range("numeric", start, stop), found, **others)

    def labels(self) -> np.ndarray:
        """(N,) float32."""
        return self._range("label", 0, self._rows)

    def positions(self) -> np.ndarray:
        """(N,) int64 position of each row in the raw file."""
        return self._range("rows", 0, self._rows)

    def lengths(self, group: str) -> np.ndarray:
        """(N,) int64 number of items of each row."""
        return np.diff(self._range(f"sequence/{escaped(group)}/offsets", 0, self._rows + 1))

    @cached_property
    def dictionaries(self) -> Dictionaries:
        """Column → words behind its codes."""
        found: Dictionaries = {}
        with self._whole("dictionary"):
            names = [int(i) for i in self._file["dictionary"]]
            columns = {i: str(self._file[f"dictionary/{i}"].attrs["column"]) for i in names}
        for i in sorted(columns):
            text = bytes(self._range(f"dictionary/{i}/text", 0, None))
            ends = [0, *self._range(f"dictionary/{i}/ends", 0, None).tolist()]
            with self._whole(f"dictionary/{i}"):
                found[columns[i]] = Words(text[a:b].decode() for a, b in pairwise(ends))
        return found

    def _range(self, name: str, start: int, stop: int | None) -> np.ndarray:
        with self._whole(name):
            return self._file[name][start:stop]

    @contextmanager
    def _whole(self, name: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise InputError(f"{self.path}: damaged at '{name}' ({error}); delete it and run convert again") from error

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "ColumnsReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
