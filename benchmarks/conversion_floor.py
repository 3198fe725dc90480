"""The least that a conversion must do, as fast as we know how: read every column, parse the sequences, write H5.

    python benchmarks/conversion_floor.py train.parquet floor.h5

No rows are chosen or split, no words get codes that hold beyond a batch, nothing is checked, there are no statistics.
Prints one JSON line: seconds without imports and compilation, rows.
"""

import json
import mmap
import sys
import time
from pathlib import Path

import h5py
import hdf5plugin
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numba import njit

ROWS = 4096
ITEMS = 1 << 17


@njit(cache=True, nogil=True)
def digits(data, starts, out):
    """Items of comma-separated rows, into ``out``; where each row ends."""
    ends = np.zeros(len(starts), np.int64)
    k = 0
    for i in range(len(starts) - 1):
        number = np.int64(0)
        for b in range(starts[i], starts[i + 1]):
            comma = data[b] == 44
            out[k] = number
            k += comma
            number = 0 if comma else number * 10 + (np.int64(data[b]) - 48)
        out[k] = number
        k += starts[i + 1] > starts[i]
        ends[i + 1] = k
    return ends


def convert(source: Path, target: Path, sequence: str = "seq", label: str = "clicked") -> int:
    """Rows converted."""
    with source.open("rb") as file:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    table = pq.ParquetFile(pa.BufferReader(pa.py_buffer(whole)), pre_buffer=False)
    kinds = {field.name: field.type for field in table.schema_arrow}
    words = [name for name, kind in kinds.items() if pa.types.is_string(kind) and name != sequence]
    numbers = [name for name, kind in kinds.items() if not pa.types.is_string(kind) and name != label]
    filters = hdf5plugin.Blosc("lz4", 5, hdf5plugin.Blosc.BITSHUFFLE)
    with h5py.File(target, "w", libver=("v110", "v110"), rdcc_nbytes=0) as out:
        shapes = {"label": ((), "f4", ROWS), "ends": ((), "i8", ROWS), "items": ((), "u4", ITEMS),
                  "categorical": ((len(words),), "i4", ROWS), "numeric": ((len(numbers),), "f4", ROWS)}
        sets = {
            name: out.create_dataset(name, (0, *tail), kind, maxshape=(None, *tail), chunks=(chunk, *tail), **filters)
            for name, (tail, kind, chunk) in shapes.items()
        }
        waiting = np.empty(0, np.uint32)

        def append(name: str, values: np.ndarray) -> None:
            at = len(sets[name])
            sets[name].resize(at + len(values), axis=0)
            sets[name][at:] = values

        for batch in table.iter_batches(ROWS, use_threads=False):
            whole.madvise(mmap.MADV_DONTNEED)
            n = batch.num_rows
            codes, values = np.empty((n, len(words)), np.int32), np.empty((n, len(numbers)), np.float32)
            for j, name in enumerate(words):
                indices = batch.column(name).dictionary_encode().indices
                codes[:, j] = np.frombuffer(indices.buffers()[1], np.int32)[:n]
            for j, name in enumerate(numbers):
                values[:, j] = batch.column(name).to_numpy(zero_copy_only=False)
            _, starts, data = batch.column(sequence).buffers()
            starts = np.frombuffer(starts, np.int32)[:n + 1]
            items = np.empty(int(starts[-1]) + n, np.uint32)
            ends = digits(np.frombuffer(data, np.uint8), starts, items)
            waiting = np.concatenate([waiting, items[:ends[-1]]])
            full = len(waiting) // ITEMS * ITEMS
            append("items", waiting[:full])
            waiting = waiting[full:]
            append("ends", ends[1:])
            append("categorical", codes)
            append("numeric", values)
            append("label", batch.column(label).to_numpy())
        append("items", waiting)
    return table.metadata.num_rows


def main(source: str, target: str) -> None:
    pa.set_cpu_count(1)
    starts = np.frombuffer(np.array([0, 3], np.int32).tobytes(), np.int32)
    digits(np.frombuffer(b"1,2", np.uint8), starts, np.empty(4, np.uint32))
    started = time.perf_counter()
    rows = convert(Path(source), Path(target))
    print(json.dumps({"seconds": time.perf_counter() - started, "rows": rows}))


if __name__ == "__main__":
    main(*sys.argv[1:])
