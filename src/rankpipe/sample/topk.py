"""Raw data in the shape of the film recommendation task, any number of rows in bounded memory, with planted tastes."""

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file
from rankpipe.progress import bar
from rankpipe.sample import films, viewers

FILES = ("train_ratings.csv", "titles.tsv", "years.tsv", "genres.tsv", "directors.tsv", "writers.tsv")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options; the defaults are those of the committed sample."""
    parser.add_argument("--users", type=int, default=1500, help="(1,500; the real data has 31,360)")
    parser.add_argument("--items", type=int, default=600, help="(600; the real data has 6,807)")
    parser.add_argument("--rows", type=int, default=45_000, help="of train_ratings.csv (45,000; really 5,154,471)")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--seed", type=int, default=7)


def generate(arguments: argparse.Namespace) -> None:
    """Writes the six files."""
    _check(arguments)
    catalogue = films.catalogue(arguments.items, arguments.seed)
    arguments.out.mkdir(parents=True, exist_ok=True)
    for name, heading, lines in films.tables(catalogue):
        with atomic_file(arguments.out / name) as temporary:
            temporary.write_text("\n".join(["\t".join(heading), *("\t".join(line) for line in lines), ""]),
                                 encoding="utf-8", newline="\n")
    audience = viewers.audience(arguments.users, arguments.rows, arguments.items, arguments.seed)
    counted = Counted(np.zeros(arguments.items, np.int64))
    with bar(int(audience.rows.sum()), FILES[0]) as progress, atomic_file(arguments.out / FILES[0]) as temporary, \
            temporary.open("wb") as file:
        file.write(b"user,item,time\n")
        for batch in counted.through(viewers.views(audience, catalogue), catalogue):
            pa_csv.write_csv(batch, file, pa_csv.WriteOptions(include_header=False, quoting_style="none"))
            progress.update(len(batch))
    taken = np.sort(counted.items)[::-1]
    print(f"{taken.sum()} rows, {arguments.users} users, {np.count_nonzero(taken)} of {arguments.items} items; "
          f"the top tenth of the items has {taken[:math.ceil(len(taken) / 10)].sum() / taken.sum():.2f} of the rows")


@dataclass
class Counted:
    """How often each item came by."""

    items: np.ndarray

    def through(self, blocks: Iterator[viewers.Views], catalogue: films.Catalogue) -> Iterator[pa.RecordBatch]:
        """Blocks of views as rows of the file."""
        for views in blocks:
            self.items += np.bincount(views.items, minlength=len(self.items))
            yield pa.RecordBatch.from_arrays([pa.array(views.users), pa.array(catalogue.ids[views.items]),
                                              pa.array(views.times)], names=["user", "item", "time"])


def _check(arguments: argparse.Namespace) -> None:
    limits = {"users": (1, 10**7), "items": (viewers.FEWEST * viewers.MOST_SHARE, 10**6), "seed": (0, math.inf),
              "rows": (viewers.FEWEST * arguments.users, arguments.users * (arguments.items // viewers.MOST_SHARE))}
    for name, (low, high) in limits.items():
        value = getattr(arguments, name)
        if not low <= value <= high:
            raise InputError(f"--{name}: {value} is out of range; it must be from {low} to {high}")
