"""Named arrays and word lists in one H5 file: put whole, or appended by blocks; read by ranges.

Equal calls give equal bytes. Every chunk carries a checksum: a damaged file is an error, never a wrong number.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from types import TracebackType
from typing import Any

import h5py
import numpy as np

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file

CHUNK = 1 << 14
_DAMAGE = (OSError, KeyError, RuntimeError, TypeError, ValueError, UnicodeDecodeError)
"""What h5py raises over bytes that make no sense."""


class _Disk(io.FileIO):
    """A file that keeps to itself that the disk is full: HDF5 crashes the process after a close that fails."""

    fault: OSError | None = None

    def write(self, data: Any) -> int:
        rest = memoryview(data).cast("B")
        try:
            while rest and self.fault is None:
                rest = rest[super().write(rest):]
        except OSError as error:
            self.fault = error
        return len(data)

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.fault = error
            return self.tell()


class ArraysWriter:
    """A file that appears at ``path`` when the ``with`` block ends well. A name may hold slashes, which make groups."""

    def __init__(self, path: str | Path):
        self._atomic = atomic_file(path)
        self._disk = _Disk(self._atomic.__enter__(), "w+")
        self._file = h5py.File(self._disk, "w", libver=("v110", "v110"))

    def put(self, name: str, values: np.ndarray) -> None:
        """A whole array of any shape."""
        self._open(name, values.dtype.str, values.shape[1:], len(values))  # a short array fills no whole chunk
        self.append(name, values)

    def words(self, name: str, words: Sequence[str]) -> None:
        """A list of words, UTF-8 end to end and where each ends."""
        encoded = [w.encode() for w in words]
        self.put(f"{name}/text", np.frombuffer(b"".join(encoded), np.uint8))
        self.put(f"{name}/ends", np.cumsum([len(w) for w in encoded], dtype=np.int64))

    def grow(self, name: str, dtype: str, shape: tuple[int, ...] = ()) -> None:
        """Opens an array of rows of ``shape`` for :meth:`append`."""
        self._open(name, dtype, shape, CHUNK)

    def _open(self, name: str, dtype: str, shape: tuple[int, ...], rows: int) -> None:
        chunk = (max(1, min(rows, CHUNK // max(1, int(np.prod(shape))))), *(max(1, n) for n in shape))
        self._file.create_dataset(name, (0, *shape), dtype, maxshape=(None, *(n or None for n in shape)), chunks=chunk,
                                  fletcher32=0 not in shape)

    def append(self, name: str, values: np.ndarray) -> None:
        """Adds rows at the end."""
        data = self._file[name]
        at = len(data)
        data.resize(at + len(values), axis=0)
        if values.size:
            data[at:] = values
        self._check()

    def _check(self) -> None:
        if self._disk.fault is not None:
            raise OSError(self._disk.fault.errno, self._disk.fault.strerror, str(self._disk.name))

    def replace(self, name: str, new: np.ndarray) -> None:
        """Every value v ≥ 0 becomes ``new[v]``, in place and block by block."""
        data = self._file[name]
        for start in range(0, len(data), CHUNK):
            values = data[start:start + CHUNK]
            data[start:start + len(values)] = np.where(values >= 0, new[np.maximum(values, 0)], values)

    def __enter__(self) -> "ArraysWriter":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            self._file.close()
            self._disk.close()
            if error is None:
                self._check()
        except BaseException as fault:
            self._atomic.__exit__(type(fault), fault, fault.__traceback__)
            raise
        self._atomic.__exit__(kind, error, trace)


class ArraysReader:
    """A file of :class:`ArraysWriter`. ``remedy`` ends the errors: "run convert (dvc repro)".

    Raises:
        InputError: on opening or reading, where the file is missing, damaged, or lacks the name.
    """

    def __init__(self, path: str | Path, remedy: str = "run the stage that writes it (dvc repro)"):
        self.path, self._remedy = Path(path), remedy
        if not self.path.is_file():
            raise InputError(f"{path}: not found; {remedy}, or fetch it (dvc pull)")
        with self._whole("/"):
            self._file = h5py.File(self.path, "r", locking=False)

    def __contains__(self, name: str) -> bool:
        with self._whole(name):
            return name in self._file

    def names(self, group: str) -> list[str]:
        """What lies in a group, in order of the names; nothing where there is no such group."""
        with self._whole(group):
            return sorted(self._file[group]) if group in self._file else []

    def rows(self, name: str) -> int:
        with self._whole(name):
            return len(self._file[name])

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        """Rows ``[start, stop)``."""
        with self._whole(name):
            return self._file[name][start:stop]

    def words(self, name: str) -> list[str]:
        """The list that ``words`` wrote."""
        text, ends = self.read(f"{name}/text").tobytes(), [0, *self.read(f"{name}/ends").tolist()]
        with self._whole(name):
            return [text[a:b].decode() for a, b in pairwise(ends)]

    @contextmanager
    def _whole(self, name: str) -> Iterator[None]:
        try:
            yield
        except _DAMAGE as error:
            raise InputError(f"{self.path}: damaged at '{name}' ({error}); delete it and {self._remedy}") from error

    def close(self) -> None:
        self._file.close()

    def __enter__(self) -> "ArraysReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def put_all(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Writes whole arrays to ``path``, in order of their names."""
    with ArraysWriter(path) as writer:
        for name in sorted(arrays):
            writer.put(name, arrays[name])
