"""Turns the chosen reviews into the table that :mod:`rankpipe.rating.table` describes, in one streaming pass.

Memory: one block of reviews, and what is known of the users and items of the train split. A killed conversion starts
over: the folder appears only when it is whole.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.columns import Words
from rankpipe.data.selection import load_selection
from rankpipe.data.splits import SPLITS, TRAIN
from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysWriter
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded
from rankpipe.rating.extract import SELECTION
from rankpipe.rating.rawsides import read_raw_side
from rankpipe.rating.reading import Block, reviews
from rankpipe.rating.source import Source, source
from rankpipe.rating.table import (
    ABOUT,
    SIDES,
    TRACK,
    About,
    about_json,
    text_batch,
    text_path,
    text_writer,
    write_side,
)


@dataclass(frozen=True)
class Convert:
    """The block ``rating.convert`` of params.yaml."""

    row_group_rows: int = bounded(8192, low=1)
    """Texts stored, and later read, at once."""


def convert(size: str) -> None:
    """Writes the table's folder.

    Raises:
        InputError: missing or damaged file; a selection of another file; see :func:`rankpipe.rating.reading.reviews`
            and :func:`rankpipe.rating.rawsides.read_raw_side`.
    """
    values = params.load()
    raw = source(values)
    settings = params.block(Convert, params.get(values, "rating.convert"), "params.yaml: rating.convert")
    marks = load_selection(paths.selection(size, TRACK) / SELECTION)
    words = {side: Words() for side in SIDES}
    with atomic_folder(paths.table(size, TRACK)) as folder:
        rows = _write_splits(folder, raw, marks, words, settings, f"convert {size}")
        for side in SIDES:
            write_side(folder, side, read_raw_side(raw, side, words[side]))
        write_json(folder / ABOUT, about_json(About(raw.low, raw.high, raw.reviews.text is not None,
                                                    raw.reviews.timestamp is not None, rows)))


def _write_splits(folder: Path, raw: Source, marks: np.ndarray, words: dict[str, Words], settings: Convert,
                  title: str) -> dict[str, int]:
    """Writes the reviews; of ``words`` those stay that occur in train. Returns the rows of each split."""
    known = {side: np.zeros(0, bool) for side in SIDES}
    with ExitStack() as stack:
        writers = {value: stack.enter_context(_SplitWriter(folder, name, raw, settings.row_group_rows))
                   for name, value in SPLITS.items()}
        bar = stack.enter_context(progress.bar(int(np.count_nonzero(marks)), title))
        for block in reviews(raw, words["users"], words["items"], marks, texts=True):
            mine = marks[block.rows]
            for side, codes in (("users", block.users), ("items", block.items)):
                known[side] = np.append(known[side], np.zeros(len(words[side]) - len(known[side]), bool))
                known[side][codes[mine == TRAIN]] = True
            for value, writer in writers.items():
                writer.append(block, np.flatnonzero(mine == value))
            bar.update(len(block))
        if sum(writer.rows for writer in writers.values()) != np.count_nonzero(marks):
            raise InputError(f"{raw.reviews.path}: has fewer rows than the selection; run extract again")
        for side in SIDES:
            new = np.where(known[side], np.cumsum(known[side]) - 1, -1).astype(np.int32)
            for writer in writers.values():
                writer.file.replace(side, new)
            kept = [word for word, held in zip(words[side], known[side].tolist(), strict=True) if held]
            words[side] = Words(kept)
        return {name: writers[value].rows for name, value in SPLITS.items()}


class _SplitWriter:
    """The H5 file and, where there are texts, the parquet file of one split."""

    def __init__(self, folder: Path, split: str, raw: Source, row_group_rows: int):
        self.rows, self._stack, self._group = 0, ExitStack(), row_group_rows
        self.file = self._stack.enter_context(ArraysWriter(folder / f"{split}.h5"))
        for name, kind in (("users", "<i4"), ("items", "<i4"), ("ratings", "<f4"), ("rows", "<i8")):
            self.file.grow(name, kind)
        if raw.reviews.timestamp is not None:
            self.file.grow("times", "<i8")
        self._texts = (None if raw.reviews.text is None
                       else self._stack.enter_context(text_writer(text_path(folder, split))))
        self._held: list[str] = []

    def append(self, block: Block, index: np.ndarray) -> None:
        """The rows ``index`` of ``block``."""
        for name in ("users", "items", "ratings", "rows", "times"):
            values = getattr(block, name)
            if values is not None:
                self.file.append(name, values[index])
        self.rows += len(index)
        if self._texts is not None and block.texts is not None:
            self._held += [block.texts[i] for i in index.tolist()]
            while len(self._held) >= self._group:
                self._texts.write_batch(text_batch(self._held[:self._group]))
                del self._held[:self._group]

    def __enter__(self) -> "_SplitWriter":
        self._stack.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is None and self._texts is not None and self._held:
            self._texts.write_batch(text_batch(self._held))
        self._stack.__exit__(kind, error, trace)  # type: ignore[arg-type]
