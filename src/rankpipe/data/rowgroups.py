"""Chosen rows of a parquet file as parsed blocks, in file order: in this process, or by row groups in several."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from rankpipe.data.columns import Columns, Dictionaries, Words
from rankpipe.data.parsing import GROUP, parse, raw_columns
from rankpipe.data.schema import Schema
from rankpipe.io.jobs import Jobs, spread
from rankpipe.io.parquet import ParquetTable, marked_groups, open_parquet


def parsed_blocks(table: ParquetTable, schema: Schema, marks: np.ndarray, dictionaries: Dictionaries, batch_rows: int,
                  jobs: Jobs) -> Iterator[Columns]:
    """Labelled blocks of the rows that ``marks`` (one item a raw row) chooses; ``dictionaries`` grow as blocks come.

    Blocks and dictionaries are the same for any number of workers. One worker needs the memory of a batch; several need
    that of as many parsed row groups.

    Raises:
        InputError: see :func:`rankpipe.data.parsing.parse`.
    """
    groups = marked_groups(table, marks)
    if jobs.workers == 1 or len(groups) < 2:
        yield from _group_blocks(table, groups, schema, marks, dictionaries, batch_rows)
        return
    starts = np.concatenate([[0], np.cumsum(table.group_rows)]).tolist()
    path, where = table.path.resolve(), str(table.path)
    tasks = ((path, where, g, schema, np.asarray(marks[starts[g]:starts[g + 1]]), batch_rows) for g in groups)
    for blocks, theirs in spread(jobs, _one_group, tasks, wave=jobs.workers):
        codes = {k: np.append(Words.of(dictionaries, k).grow(w), np.int32(-1)) for k, w in theirs.items()}
        for block in blocks:
            _recode(block, schema, codes)
            yield block


def _recode(block: Columns, schema: Schema, codes: dict[str, np.ndarray]) -> None:
    """A worker's codes → those of all; the last item of each ``codes`` stands for missing."""
    block.categorical = block.categorical.copy()  # what another process sends may be read-only
    for j, name in enumerate(schema.categorical):
        block.categorical[:, j] = codes[name][block.categorical[:, j]]
    if block.group is not None:
        block.group = codes[GROUP][block.group]
    for name, group in schema.sequence.items():
        if group.items == "text":
            fields = block.sequences[name].fields
            fields.update({f: codes[f"{name}.{f}"][v].astype(np.uint32) for f, v in fields.items()})


def _one_group(path: Path, where: str, group: int, schema: Schema, marks: np.ndarray, batch_rows: int,
               ) -> tuple[list[Columns], Dictionaries]:
    """A worker's task: one row group with dictionaries of its own. A worker may have another working folder."""
    table = open_parquet(path)
    whole = np.zeros(table.rows, np.uint8)
    start = sum(table.group_rows[:group])
    whole[start:start + len(marks)] = marks
    dictionaries: Dictionaries = {}
    return list(_group_blocks(table, [group], schema, whole, dictionaries, batch_rows, where)), dictionaries


def _group_blocks(table: ParquetTable, groups: list[int], schema: Schema, marks: np.ndarray, dictionaries: Dictionaries,
                  batch_rows: int, where: str | None = None) -> Iterator[Columns]:
    for first, batch in table.spans(raw_columns(schema, label=True), batch_rows, groups):
        index = np.flatnonzero(marks[first:first + batch.num_rows])
        if len(index) == 0:
            continue
        if len(index) < batch.num_rows:
            batch = batch.take(index)
        yield parse(batch, schema, dictionaries, label=True, rows=first + index, where=where or str(table.path))
