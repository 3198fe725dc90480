"""Columns in one H5 file: written by appending, read by ranges of rows. :mod:`rankpipe.data.columns` has the layout.

Equal blocks give equal bytes. Every chunk carries a checksum: a damaged file is an error, never a wrong number.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from types import TracebackType

import h5py
import hdf5plugin
import numpy as np

from rankpipe.data.columns import FORMAT, Columns, Dictionaries, Sequences, Words
from rankpipe.data.schema import Schema
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file
from rankpipe.params import block

COMPRESSIONS = ("lz4", "zstd", "none")
_ITEMS = 1 << 17  # items of a sequence in one chunk
_CACHE = 4 << 20  # bytes of unpacked chunks that a reader keeps per dataset


def _filters(compression: str) -> dict:
    if compression == "none":
        return {"fletcher32": True}
    level = 1 if compression == "zstd" else 5
    return {"fletcher32": True, **hdf5plugin.Blosc(compression, level, hdf5plugin.Blosc.BITSHUFFLE)}


def _escaped(name: str) -> str:
    return name.replace("%", "%25").replace("/", "%2F")


class _Appender:
    """One dataset that grows by whole chunks; what doesn't fill a chunk waits in memory."""

    def __init__(self, file: h5py.File, name: str, dtype: str, chunk: int, filters: dict, width: int | None = None):
        tail = () if width is None else (width,)
        if width == 0:  # HDF5 has no chunks without width
            chunk, filters = 0, {}
        self._set = file.create_dataset(name, (0, *tail), dtype, maxshape=(None, *(t or None for t in tail)),
                                        chunks=(max(chunk, 1), *(t or 1 for t in tail)), **filters)
        self._chunk, self._waiting, self._count = chunk, [], 0

    def append(self, values: np.ndarray) -> None:
        self._waiting.append(values)
        self._count += len(values)
        if self._count >= self._chunk:
            self._write(self._count - self._count % self._chunk if self._chunk else self._count)

    def flush(self) -> None:
        if self._count:
            self._write(self._count)

    def _write(self, rows: int) -> None:
        whole = self._waiting[0] if len(self._waiting) == 1 else np.concatenate(self._waiting)
        at = len(self._set)
        self._set.resize(at + rows, axis=0)
        if whole.size:
            self._set[at:] = whole[:rows]
        # A copy, lest a few rows keep a whole block alive.
        self._waiting, self._count = [whole[rows:].copy()], len(whole) - rows


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
            at = f"sequence/{_escaped(name)}"
            rows(f"{at}/offsets", "<i8")
            sets[f"{at}/offsets"].append(np.zeros(1, np.int64))
            for field in group.fields:
                key = f"{at}/fields/{_escaped(field)}"
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
            at = f"sequence/{_escaped(name)}"
            self._sets[f"{at}/offsets"].append(s.offsets[1:] + self._end[name])
            self._end[name] += int(s.offsets[-1])
            for field, values in s.fields.items():
                self._sets[f"{at}/fields/{_escaped(field)}"].append(values)
            if s.times is not None:
                self._sets[f"{at}/times"].append(s.times)

    def dictionaries(self, dictionaries: Mapping[str, list[str]]) -> None:
        """Writes the words behind the codes; once, after the last block."""
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
            text = str(self._file.attrs["schema"])
            self._rows = len(self._file["rows"])
        except (OSError, KeyError, RuntimeError) as error:
            raise InputError(f"{path}: not a whole H5 file of columns ({error}); run convert again") from error
        if found != FORMAT:
            raise InputError(f"{path}: format {found}, this version reads {FORMAT}; run convert again")
        self.schema: Schema = block(Schema, json.loads(text), f"{path}: schema")
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
            at = f"sequence/{_escaped(name)}"
            offsets = self._range(f"{at}/offsets", start, stop + 1)
            low, high = int(offsets[0]), int(offsets[-1])
            fields = {f: self._range(f"{at}/fields/{_escaped(f)}", low, high) for f in group.fields}
            times = self._range(f"{at}/times", low, high) if group.timestamps else None
            found[name] = Sequences(offsets - low, fields, times)
        others = {k: self._range(k, start, stop) for k in ("label", "rows", "timestamp", "group") if k in self._file}
        return Columns(self._range("categorical", start, stop), self._range("numeric", start, stop), found, **others)

    def labels(self) -> np.ndarray:
        """(N,) float32."""
        return self._range("label", 0, self._rows)

    def positions(self) -> np.ndarray:
        """(N,) int64 position of each row in the raw file."""
        return self._range("rows", 0, self._rows)

    def lengths(self, group: str) -> np.ndarray:
        """(N,) int64 number of items of each row."""
        return np.diff(self._range(f"sequence/{_escaped(group)}/offsets", 0, self._rows + 1))

    @cached_property
    def dictionaries(self) -> Dictionaries:
        """Column → words behind its codes."""
        found: Dictionaries = {}
        for i in sorted(self._file.get("dictionary", ()), key=int):
            node = self._file[f"dictionary/{i}"]
            text = bytes(self._range(f"dictionary/{i}/text", 0, None))
            ends = [0, *self._range(f"dictionary/{i}/ends", 0, None).tolist()]
            found[str(node.attrs["column"])] = Words(text[a:b].decode() for a, b in pairwise(ends))
        return found

    def _range(self, name: str, start: int, stop: int | None) -> np.ndarray:
        try:
            return self._file[name][start:stop]
        except (OSError, KeyError, RuntimeError) as error:
            raise InputError(f"{self.path}: damaged at '{name}' ({error}); delete it and run convert again") from error

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "ColumnsReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
