"""Raw data in the shape of the Toss ad-click task, any number of rows in bounded memory, with a planted signal."""

import argparse
import math
import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from tqdm import tqdm

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file
from rankpipe.progress import bar
from rankpipe.sample import toss

CALIBRATION_BLOCKS = 6
BINS = 1 << 16
TRAIN_SCHEMA = pa.schema([*toss.SCHEMA, toss.LABEL])
TEST_SCHEMA = pa.schema([toss.ID, *toss.SCHEMA])


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options; the defaults are those of the real data."""
    parser.add_argument("--rows", type=int, required=True, help="rows of train.parquet")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--test-rows", type=int, default=None, help="rows of test.parquet (a seventh of --rows)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--mean-length", type=float, default=558, help="mean number of items of a row (558)")
    parser.add_argument("--click-rate", type=float, default=0.019, help="share of clicks (0.019)")
    parser.add_argument("--row-group-rows", type=int, default=100_000,
                        help="rows of a row group (100,000); 0: one single group, as in the real file")


def generate(arguments: argparse.Namespace) -> None:
    """Writes the three files and prints the best AUC that any model can reach on them, with and without sequences."""
    _check(arguments)
    settings = toss.Settings(arguments.seed, arguments.mean_length)
    settings = replace(settings, intercept=_intercept(settings, arguments.click_rate))
    rows = toss.Rows(settings)
    tests = arguments.rows // 7 if arguments.test_rows is None else arguments.test_rows
    tally = Tally()
    arguments.out.mkdir(parents=True, exist_ok=True)
    with bar(arguments.rows, "train.parquet") as progress:
        blocks = train_blocks(rows, arguments.rows, tally)
        write(arguments.out / "train.parquet", blocks, TRAIN_SCHEMA, arguments.row_group_rows, progress)
    with bar(tests, "test.parquet") as progress:
        blocks = test_blocks(rows, tests)
        write(arguments.out / "test.parquet", blocks, TEST_SCHEMA, arguments.row_group_rows, progress)
    with (atomic_file(arguments.out / "sample_submission.csv") as temporary,
          open(temporary, "w", encoding="utf-8", newline="\n") as file):
        file.write("ID,clicked\n")
        file.writelines(f"{_id(i)},0\n" for i in range(tests))
    print(f"clicks {tally.click_rate():.4f}, AUC of the true logit {tally.auc('all'):.4f}, "
          f"without its sequence part {tally.auc('rest'):.4f}")


def train_blocks(rows: toss.Rows, total: int, tally: "Tally") -> Iterator[pa.RecordBatch]:
    """Rows grouped by day, days not in the calendar's order; ``total`` fixes where a day ends."""
    for index, start in enumerate(range(0, total, toss.BLOCK)):
        positions = np.arange(start, min(start + toss.BLOCK, total))
        days = np.array(toss.DAYS)[positions * len(toss.DAYS) // total]
        block = rows.block(toss.TRAIN, index, days)
        tally.add(block)
        yield pa.RecordBatch.from_arrays([*block.features.columns, pa.array(block.labels)], schema=TRAIN_SCHEMA)


def test_blocks(rows: toss.Rows, total: int) -> Iterator[pa.RecordBatch]:
    """Rows of a single day, with an id and without labels."""
    for index, start in enumerate(range(0, total, toss.BLOCK)):
        n = min(toss.BLOCK, total - start)
        block = rows.block(toss.TEST, index, np.full(n, toss.TEST_DAY))
        ids = pa.array([_id(i) for i in range(start, start + n)])
        yield pa.RecordBatch.from_arrays([ids, *block.features.columns], schema=TEST_SCHEMA)


def write(path: Path, blocks: Iterator[pa.RecordBatch], schema: pa.Schema, group_rows: int, progress: tqdm) -> None:
    """Streams ``blocks`` into a parquet file, holding one row group in memory.

    ``group_rows`` 0: one single group, written column by column from a memory-mapped Arrow file beside the output.
    """
    with ExitStack() as stack:
        temporary = stack.enter_context(atomic_file(path))
        writer = stack.enter_context(pq.ParquetWriter(temporary, schema, compression="zstd"))
        if group_rows:
            held: list[pa.RecordBatch] = []
            for batch in blocks:
                held.append(batch)
                progress.update(len(batch))
                table = pa.Table.from_batches(held, schema)
                while len(table) >= group_rows:
                    writer.write_table(table.slice(0, group_rows), row_group_size=group_rows)
                    table = table.slice(group_rows)
                held = table.to_batches()
            if held:
                writer.write_table(pa.Table.from_batches(held, schema), row_group_size=group_rows)
            return
        rows_file = path.with_name(f".{path.name}.arrow")
        stack.callback(lambda: rows_file.unlink(missing_ok=True))
        with pa.OSFile(os.fspath(rows_file), "wb") as sink, pa.ipc.new_file(sink, schema) as arrow:
            for batch in blocks:
                arrow.write_batch(batch)
                progress.update(len(batch))
        with pa.memory_map(os.fspath(rows_file)) as source:
            table = pa.ipc.open_file(source).read_all()
            writer.write_table(table, row_group_size=max(len(table), 1))


class Tally:
    """Clicks and scores counted in bins, so that the AUC of any number of rows needs no row."""

    def __init__(self) -> None:
        self.counts = {name: np.zeros((2, BINS), np.int64) for name in ("all", "rest")}

    def add(self, block: toss.Block) -> None:
        for name, scores in (("all", block.logit), ("rest", block.rest)):
            bins = ((np.clip(scores, -31.9, 31.9) + 32) * (BINS / 64)).astype(np.int64)
            for label in (0, 1):
                self.counts[name][label] += np.bincount(bins[block.labels == label], minlength=BINS)

    def click_rate(self) -> float:
        negatives, positives = self.counts["all"].sum(1)
        return positives / (negatives + positives)

    def auc(self, name: str) -> float:
        """Share of pairs that stand in the right order, ties (one bin) counted half; NaN where a class is missing."""
        negatives, positives = self.counts[name].astype(np.float64)
        pairs = negatives.sum() * positives.sum()
        return float((positives * (negatives.cumsum() - negatives / 2)).sum() / pairs) if pairs else math.nan


def _intercept(settings: toss.Settings, click_rate: float) -> float:
    """The intercept at which the expected share of clicks is ``click_rate``, from blocks that no file contains."""
    rows = toss.Rows(settings)
    days = np.full(toss.BLOCK, toss.TEST_DAY)
    logits = np.concatenate([rows.block(toss.SETTINGS, 1 + i, days).logit for i in range(CALIBRATION_BLOCKS)])
    low, high = -40.0, 40.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (1 / (1 + np.exp(-logits - middle))).mean() < click_rate else (low, middle)
    return round(middle, 6)


def _id(row: int) -> str:
    return f"TEST_{row:07d}"


def _check(arguments: argparse.Namespace) -> None:
    limits = {"rows": (1, math.inf), "test_rows": (0, math.inf), "seed": (0, math.inf), "row_group_rows": (0, math.inf),
              "mean_length": (2, 5000), "click_rate": (0.001, 0.9)}
    for name, (low, high) in limits.items():
        value = getattr(arguments, name)
        if value is not None and not low <= value <= high:
            raise InputError(f"--{name.replace('_', '-')}: {value} is out of range; it must be from {low} to {high}")
