"""Data of features alone, ``fusion.source.letor``, on its way through extract and convert: no text, no image, no
attribute, so that ``ltr`` and ``lambdamart`` are what can be trained on it.

Queries and candidates have no names in such files; they are numbered in order of the file, from 1.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.data.splits import SPLITS, TRAIN, UNUSED
from rankpipe.errors import InputError
from rankpipe.fusion import letor, splits, table
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import TRACK, Candidates, Dataset, Queries, Split, check
from rankpipe.fusion.source import Source
from rankpipe.io.arrays import ArraysReader, ArraysWriter, put_all
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json

FEATURES = "features.h5"
"""Beside the table: names, and values (C, F) float32 of each candidate, which stands in one slate only."""
_REMEDY = "run convert (dvc repro)"
Draw = Callable[[np.ndarray, list[str]], np.ndarray]


def read_raw(raw: Source) -> Examples:
    """The files of ``fusion.source.letor``, under the source's folder."""
    query = None if raw.letor.query is None else raw.file(raw.letor.query)
    return letor.read(raw.file(raw.letor.train), query)


def extract(folder: Path, diagnostics: str, selection: str, raw: Source, draw: Draw, valid: float, test: float,
            seed: int) -> None:
    """Marks each raw query; ``draw`` takes the size's share of (codes, ids)."""
    data = read_raw(raw)
    slates = data.slates
    useful = np.flatnonzero(slates.lengths >= splits.FEWEST)
    ids = [str(i + 1) for i in range(len(data))]
    chosen = draw(useful, [ids[i] for i in useful])
    if not len(chosen):
        raise InputError(f"{raw.file(raw.letor.train)}: no query has two lines; there is nothing to rank")
    some = slates.take(chosen)
    asked = splits.Asked([ids[i] for i in chosen], np.arange(len(chosen)), some.queries,
                         some.candidates.astype(np.int64))
    marks = np.full(len(data), UNUSED, np.uint8)
    marks[chosen] = splits.by_query(asked, valid, test, seed)
    of_rows = marks[slates.queries]
    with atomic_folder(folder) as out:
        put_all(out / selection, {"queries": marks})
        write_json(out / diagnostics, {
            "seed": seed, "split": "random", "raw_queries": len(data), "raw_judgements": len(slates.grades),
            "queries_without_slate": len(data) - len(useful), "features": len(data.names),
            "splits": {name: {"queries": int((marks == mark).sum()), "judgements": int((of_rows == mark).sum()),
                              "grades": np.bincount(slates.grades[of_rows == mark]).tolist()}
                       for name, mark in SPLITS.items()}})


def convert(folder: Path, selection: Path, raw: Source) -> None:
    """Writes the table of :mod:`rankpipe.fusion.table`, with nothing in it but slates, and the features beside it."""
    data = read_raw(raw)
    with ArraysReader(selection, "run extract (dvc repro)") as file:
        marks = file.read("queries")
    if len(marks) != len(data):
        raise InputError(f"{selection}: chosen from {len(marks)} queries, {raw.file(raw.letor.train)} holds "
                         f"{len(data)}; run extract again")
    used = np.flatnonzero(marks != UNUSED)
    chosen = letor.part(data, used)
    count, rows = len(chosen.features), data.slates.take(used).candidates
    candidates = Candidates([str(i + 1) for i in rows.tolist()], [None] * count, [None] * count, {},
                            np.zeros((count, 0), np.int32), np.zeros(count, np.float32),
                            np.arange(count, dtype=np.int32))
    queries = Queries([str(i + 1) for i in used.tolist()], [""] * len(used), [""] * len(used),
                      np.zeros((len(used), 0), np.int32), (marks[used] - TRAIN).astype(np.uint8))
    made = Dataset(candidates, queries, chosen.slates)
    check(made, str(raw.root))
    with atomic_folder(folder) as out:
        table.write(out, made)
        with ArraysWriter(out / FEATURES) as file:
            file.words("names", chosen.names)
            file.put("values", chosen.features)


class PlainSource:
    """The examples of data of features alone; :class:`rankpipe.fusion.examples.Source` for those with modalities."""

    vectors = None

    def __init__(self, size: str, data: Dataset):
        folder = paths.table(size, TRACK)
        self.data, self.files = data, tuple(sorted(folder.glob("*.h5")))
        with ArraysReader(folder / FEATURES, _REMEDY) as file:
            self.names, self.values = tuple(file.words("names")), file.read("values")
        if len(self.values) != len(data.candidates):
            raise InputError(f"{folder}: its files are of different runs; {_REMEDY}")

    def examples(self, split: Split) -> Examples:
        """The split's slates in order of their queries."""
        queries, slates = self.data.of(split)
        return Examples(queries.astype(np.int32), slates, self.values[slates.candidates], self.names)


def is_plain(size: str) -> bool:
    """Convert left features alone."""
    return (paths.table(size, TRACK) / FEATURES).is_file()
