"""Writes columns to one H5 file by appending. :mod:`rankpipe.data.columns` has the layout.

Equal blocks give equal bytes. Every chunk carries a checksum.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType

import h5py
import hdf5plugin
import numpy as np

from rankpipe.data.columns import FORMAT, Columns
from rankpipe.data.schema import Schema
from rankpipe.io.atomic import atomic_file

COMPRESSIONS = ("lz4", "zstd", "none")
_ITEMS = 1 << 17  # items of a sequence in one chunk


def _filters(compression: str) -> dict:
    if compression == "none":
        return {"fletcher32": True}
    level = 1 if compression == "zstd" else 5
    return {"fletcher32": True, **hdf5plugin.Blosc(compression, level, hdf5plugin.Blosc.BITSHUFFLE)}


def escaped(name: str) -> str:
    """A name of the schema as one part of a path in the file."""
    return name.replace("%", "%25").replace("/", "%2F")


class _Appender:
    """One dataset that grows by whole chunks; rows that don't fill a chunk wait in a buffer of its size."""

    def __init__(self, file: h5py.File, name: str, dtype: str, chunk: int, filters: dict, width: int | None = None):
        tail = () if width is None else (width,)
        # A table without columns has rows all the same; HDF5 wants chunks of some width, and room to grow to it.
        self._set = file.create_dataset(name, (0, *tail), dtype, maxshape=(None, *(t or None for t in tail)),
                                        chunks=(chunk, *(t or 1 for t in tail)), **({} if width == 0 else filters))
        self._buffer, self._filled = np.empty((chunk, *tail), dtype), 0

    def append(self, values: np.ndarray) -> None:
        chunk, at = len(self._buffer), 0
        if self._filled:
            at = min(chunk - self._filled, len(values))
            self._buffer[self._filled:self._filled + at] = values[:at]
            self._filled += at
            if self._filled < chunk:
                return
            self.flush()
        whole = at + (len(values) - at) // chunk * chunk
        if whole > at:
            self._write(values[at:whole])
        self._filled = len(values) - whole
        self._buffer[:self._filled] = values[whole:]

    def flush(self) -> None:
        if self._filled:
            self._write(self._buffer[:self._filled])
            self._filled = 0

    def _write(self, values: np.ndarray) -> None:
        at = len(self._set)
        self._set.resize(at + len(values), axis=0)
        if values.size:
            self._set[at:] = values


class ColumnsWriter:
    """Appends blocks to a file that appears at ``path`` when the ``with`` block ends well.

    Args:
        labelled: the blocks have labels, and groups and timestamps where the schema names them.
        compression: ``lz4``, ``zstd`` or ``none``.
        chunk_rows: rows in one chunk of the flat columns.
    """

    def __init__(self, path: str | Path, schema: Schema, labelled: bool = True, compression: str = "lz4",
                 chunk_rows: int = 4096):
        self._atomic = atomic_file(path)
        self._path = self._atomic.__enter__()
        self._schema, self._labelled = schema, labelled
        self._filters, self._chunk = _filters(compression), chunk_rows
        self._end = {name: 0 for name in schema.sequence}
        # Whole chunks are written once, so none need be kept in memory.
        self._file = h5py.File(self._path, "w", libver=("v110", "v110"), locking=False, rdcc_nbytes=0)
        self._file.attrs["format"] = FORMAT
        self._file.attrs["schema"] = json.dumps(asdict(schema), ensure_ascii=False)  # in the schema's own order
        self._sets = self._appenders()

    def _appenders(self) -> dict[str, _Appender]:
        def rows(name: str, dtype: str, width: int | None = None) -> None:
            sets[name] = _Appender(self._file, name, dtype, self._chunk, self._filters, width)

        sets: dict[str, _Appender] = {}
        schema = self._schema
        rows("rows", "<i8")
        if self._labelled:
            rows("label", "<f4")
            if schema.group:
                rows("group", "<i4")
        if schema.timestamp:
            rows("timestamp", "<i8")
        rows("categorical", "<i4", len(schema.categorical))
        rows("numeric", "<f4", len(schema.numeric) + len(schema.statistic_names()))
        for name, group in schema.sequence.items():
            at = f"sequence/{escaped(name)}"
            rows(f"{at}/offsets", "<i8")
            sets[f"{at}/offsets"].append(np.zeros(1, np.int64))
            for field in group.fields:
                key = f"{at}/fields/{escaped(field)}"
                sets[key] = _Appender(self._file, key, "<u4", _ITEMS, self._filters)
            if group.timestamps:
                sets[f"{at}/times"] = _Appender(self._file, f"{at}/times", "<i8", _ITEMS, self._filters)
        return sets

    def append(self, columns: Columns) -> None:
        """Adds the rows of one block, which must hold all that the schema names."""
        for name in ("rows", "label", "group", "timestamp", "categorical", "numeric"):
            if name in self._sets:
                self._sets[name].append(getattr(columns, name))
        for name, s in columns.sequences.items():
            at = f"sequence/{escaped(name)}"
            self._sets[f"{at}/offsets"].append(s.offsets[1:] + self._end[name])
            self._end[name] += int(s.offsets[-1])
            for field, values in s.fields.items():
                self._sets[f"{at}/fields/{escaped(field)}"].append(values)
            if s.times is not None:
                self._sets[f"{at}/times"].append(s.times)

    def dictionaries(self, dictionaries: Mapping[str, list[str]]) -> None:
        """Writes the words behind the codes; once, after the last block."""
        self._file.create_group("dictionary")
        for i, column in enumerate(sorted(dictionaries)):
            words = [w.encode() for w in dictionaries[column]]
            ends = np.cumsum([len(w) for w in words], dtype=np.int64)
            for name, values in (("text", np.frombuffer(b"".join(words), np.uint8)), ("ends", ends)):
                part = _Appender(self._file, f"dictionary/{i}/{name}", values.dtype.str, _ITEMS, self._filters)
                part.append(values)
                part.flush()
            self._file[f"dictionary/{i}"].attrs["column"] = column

    def __enter__(self) -> "ColumnsWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if error is None:
                for appender in self._sets.values():
                    appender.flush()
            self._file.close()
        except BaseException as fault:
            self._atomic.__exit__(type(fault), fault, fault.__traceback__)
            raise
        self._atomic.__exit__(kind, error, trace)
