"""JSON lines (one object a line), gzipped or not, as a stream of record batches, in bounded memory."""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pyarrow as pa

from rankpipe.data.origin import Origin
from rankpipe.errors import InputError, nearest

ENDINGS = (".json", ".jsonl", ".ndjson")
_LOOKED_AT = 1000
"""Lines whose keys are the file's: the first alone may lack what most have."""


def is_json_lines(path: str | Path) -> bool:
    """By the file's ending, ``.gz`` set aside."""
    path = Path(path)
    return (path.with_suffix("") if path.suffix == ".gz" else path).suffix in ENDINGS


class JsonLinesTable:
    """An opened file; ``names`` are the keys of its first lines. A key that a line lacks is null there.

    Raises:
        InputError: missing or empty file, or first lines that are no objects.
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"{path}: not found; put the file there or fetch it (dvc pull)")
        first = list(islice(self.objects(), _LOOKED_AT))
        if not first:
            raise InputError(f"{path}: empty; each line must be a JSON object")
        self._looked_at = len(first)
        self.names: tuple[str, ...] = tuple(dict.fromkeys(key for row in first for key in row))

    def require(self, columns: Sequence[str], key: str = "params.yaml") -> None:
        """Raises InputError, naming the nearest key, where no line of the first has one of ``columns``."""
        for name in columns:
            if name not in self.names:
                raise InputError(f"{self.path}: no key '{name}' in the first {self._looked_at} lines, which {key} "
                                 f"names; {nearest(name, self.names)}")

    def spans(self, columns: Sequence[str], batch_rows: int = 8192) -> Iterator[tuple[int, pa.RecordBatch]]:
        """(position of the first row, record batch), in file order. Row r stands on line r + 1.

        Raises:
            InputError: a line that is no JSON object, text that isn't UTF-8, values of several kinds under one key.
        """
        columns = list(dict.fromkeys(columns))
        first, held = 0, []
        for row in self.objects():
            held.append([row.get(c) for c in columns])
            if len(held) == batch_rows:
                yield first, self._batch(columns, first, held)
                first, held = first + len(held), []
        if held:
            yield first, self._batch(columns, first, held)

    def _batch(self, columns: list[str], first: int, rows: list[list[Any]]) -> pa.RecordBatch:
        arrays = [self._array(c, first, list(values))
                  for c, values in zip(columns, zip(*rows, strict=True), strict=True)]
        return pa.RecordBatch.from_arrays(arrays, columns)

    def _array(self, column: str, first: int, values: list[Any]) -> pa.Array:
        try:
            return pa.array(values)
        except UnicodeEncodeError:  # half a surrogate pair, which JSON can spell and UTF-8 can't
            return self._array(column, first, [_whole(v) for v in values])
        except (pa.ArrowException, OverflowError, TypeError) as error:
            for i, value in enumerate(values):
                try:
                    pa.array(values[:i + 1])
                except (pa.ArrowException, OverflowError, TypeError):
                    origin = Origin(str(self.path), np.arange(first, first + len(values)))
                    raise origin.value(column, i, f"{value!r:.60} is of another kind than the values before it; "
                                                  "mend it") from error
            raise

    def objects(self) -> Iterator[dict[str, Any]]:
        """One line after the other, with whatever keys it has. Errors as in :meth:`spans`."""
        number, blank = 0, 0
        with self._open() as file:
            try:
                for number, line in enumerate(file, 1):
                    if not line.strip():
                        blank = blank or number
                        continue
                    if blank:
                        raise InputError(f"{self.path}: line {blank} is blank; drop it")
                    yield self._object(line, number)
            except (EOFError, OSError, zlib.error) as error:
                raise InputError(f"{self.path}: damaged after line {number} ({error}); fetch it again") from error

    def _object(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            found = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
        except UnicodeDecodeError as error:
            raise InputError(f"{self.path}: line {number} isn't UTF-8; write the file again") from error
        except (json.JSONDecodeError, RecursionError) as error:
            raise InputError(f"{self.path}: line {number} is not JSON ({error}); mend or drop it") from error
        if not isinstance(found, dict):
            raise InputError(f"{self.path}: line {number} is not a JSON object; each line must hold one, {{…}}")
        return found

    def _open(self) -> BinaryIO:
        return cast(BinaryIO, gzip.open(self.path, "rb")) if self.path.suffix == ".gz" else self.path.open("rb")


def _whole(value: Any) -> Any:
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if isinstance(value, str) else value
