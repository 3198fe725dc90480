"""Turns the chosen raw rows into the table that all later stages read, and looks once more for what must not train.

Memory: one block of sentences, and 8 bytes for each sentence of valid and test.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.splits import SPLITS, TRAIN, VALID
from rankpipe.embedding import reading
from rankpipe.embedding.extract import HELD_OUT, selection
from rankpipe.embedding.source import Source, source
from rankpipe.embedding.splits import known
from rankpipe.embedding.table import ABOUT, FORMAT, PAIR, TEXT, TRACK, TRIPLET, open_columns
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json


@dataclass(frozen=True)
class Convert:
    """The block ``embedding.convert`` of params.yaml: there is nothing to set."""


def convert(size: str) -> None:
    """Writes the folder ``table``; :mod:`rankpipe.embedding.table` has the layout.

    Raises:
        InputError: missing or damaged file, a selection of other files, or one that lets a sentence of valid or test
            train.
    """
    values = params.load()
    params.block(Convert, params.get(values, "embedding.convert"), "params.yaml: embedding.convert")
    raw = source(values)
    with atomic_folder(paths.table(size, TRACK)) as folder:
        held, rows = _pairs(raw, selection(size, "pairs"), folder)
        rows |= _corpus(raw, selection(size, "corpus"), held, folder, f"convert {size}")
        if raw.triplets is not None:
            rows |= _triplets(raw, selection(size, "triplets"), folder)
        write_json(folder / ABOUT, {"format": FORMAT, "rows": rows})


def _pairs(raw: Source, marks: np.ndarray, folder: Path) -> tuple[np.ndarray, dict[str, int]]:
    """Writes the splits; rising uint64 keys of the sentences of valid and test, and the rows of each split."""
    held = [np.zeros(0, np.uint64)]
    with ExitStack() as stack:
        files = {mark: stack.enter_context(open_columns(folder / f"{name}.parquet", PAIR))
                 for name, mark in SPLITS.items()}
        blocks = ((block.first, block.second, block.score, block.genre)
                  for name, file in raw.pairs().items() for block in reading.pairs(file, name))
        for mine, block in _marked(blocks, marks, raw.train.path):
            for mark, file in files.items():
                first, second, score, genre = (_taken(column, mine == mark) for column in block)
                if len(first):
                    file.write(first, second, score, genre)
                    if mark >= VALID:
                        held += [reading.keys(first), reading.keys(second)]
    return np.unique(np.concatenate(held)), {name: files[mark].rows for name, mark in SPLITS.items()}


def _corpus(raw: Source, marks: np.ndarray, held: np.ndarray, folder: Path, title: str) -> dict[str, int]:
    blocks = ((block,) for block in reading.sentences(raw.corpus))
    with (open_columns(folder / "corpus.parquet", TEXT) as corpus,
          open_columns(folder / "held_out.parquet", TEXT) as back, progress.bar(len(marks), title) as bar):
        for mine, (block,) in _marked(blocks, marks, raw.corpus.path):
            for mark, file in ((TRAIN, corpus), (HELD_OUT, back)):
                if chosen := _taken(block, mine == mark):
                    leaks = known(held, reading.keys(chosen))
                    if leaks.any():
                        raise InputError(f"{raw.corpus.path}: the selection takes '{chosen[int(leaks.argmax())]:.60}' "
                                         "to train on, a sentence of valid or test; run extract again")
                    file.write(chosen)
            bar.update(len(block))
        return {"corpus": corpus.rows, "held_out": back.rows}


def _triplets(raw: Source, marks: np.ndarray, folder: Path) -> dict[str, int]:
    assert raw.triplets is not None
    with open_columns(folder / "triplets.parquet", TRIPLET) as file:
        for mine, block in _marked(reading.triplets(raw.triplets), marks, raw.triplets.path):
            file.write(*(_taken(column, mine == TRAIN) for column in block))
        return {"triplets": file.rows}


def _marked(blocks: Iterator[tuple[Sequence, ...]], marks: np.ndarray, path: str,
            ) -> Iterator[tuple[np.ndarray, tuple[Sequence, ...]]]:
    """Each block with its marks.

    Raises:
        InputError: there are more or fewer rows than marks.
    """
    first = 0
    for block in blocks:
        mine = np.asarray(marks[first:first + len(block[0])])
        first += len(block[0])
        if len(mine) != len(block[0]):
            break
        yield mine, block
    if first != len(marks):
        raise InputError(f"{path}: has other rows than the {len(marks)} of the selection; run extract again")


def _taken(column: Sequence, mine: np.ndarray) -> Sequence:
    """The marked items of a column, which is a list or an array."""
    return column[mine] if isinstance(column, np.ndarray) else [column[i] for i in np.flatnonzero(mine)]
