"""Turns the chosen raw rows into columnar H5, one file per split, in a single streaming pass.

A killed conversion starts over: it is one sequential pass, and its folder appears only when all three files are whole.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.ctr.extract import SELECTION
from rankpipe.ctr.source import source
from rankpipe.data.columns import Dictionaries
from rankpipe.data.rowgroups import parsed_blocks
from rankpipe.data.schema import Schema
from rankpipe.data.splits import SPLITS
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.h5writer import COMPRESSIONS, ColumnsWriter
from rankpipe.io.jobs import Jobs
from rankpipe.io.parquet import open_parquet
from rankpipe.params import bounded

TRACK = "ctr"


@dataclass(frozen=True)
class Convert:
    """The block ``ctr.convert`` of params.yaml."""

    compression: str = bounded("lz4", choices=COMPRESSIONS)
    chunk_rows: int = bounded(4096, low=1)
    """Rows read, parsed and stored at once; memory grows with it."""


def convert(size: str) -> None:
    """Writes ``table/{train,valid,test}.h5``, which share one set of dictionaries.

    Raises:
        InputError: missing or damaged file; a selection of another table; see :func:`rankpipe.data.parsing.parse`.
    """
    values = params.load()
    schema = params.block(Schema, params.get(values, "ctr.schema"), "params.yaml: ctr.schema")
    settings = params.block(Convert, params.get(values, "ctr.convert"), "params.yaml: ctr.convert")
    jobs = params.block(Jobs, params.get(values, "jobs"), "params.yaml: jobs")
    table = open_parquet(source(values).train)
    marks = _selection(paths.selection(size, TRACK) / SELECTION, table.rows, table.path)
    dictionaries: Dictionaries = {}
    with atomic_folder(paths.table(size, TRACK)) as folder, ExitStack() as stack:
        writers = {mark: stack.enter_context(ColumnsWriter(folder / paths.split(size, TRACK, name).name, schema, True,
                                                           settings.compression, settings.chunk_rows))
                   for name, mark in SPLITS.items()}
        bar = stack.enter_context(progress.bar(int(np.count_nonzero(marks)), f"convert {size}"))
        for block in parsed_blocks(table, schema, marks, dictionaries, settings.chunk_rows, jobs):
            mine = marks[block.rows]
            for mark, writer in writers.items():
                index = np.flatnonzero(mine == mark)
                if len(index):
                    writer.append(block if len(index) == len(block) else block.take(index))
            bar.update(len(block))
        for writer in writers.values():
            writer.dictionaries(dictionaries)


def _selection(path: Path, rows: int, source: Path) -> np.ndarray:
    """(rows,) uint8, left on the disk and read as it is used."""
    if not path.is_file():
        raise InputError(f"{path}: not found; run extract (dvc repro), or fetch it (dvc pull)")
    try:
        marks = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a whole selection ({error}); delete it and run extract again") from error
    if marks.shape != (rows,) or marks.dtype != np.uint8:
        raise InputError(f"{path}: selects from {marks.size} rows, {source} has {rows}; run extract again")
    return marks
