"""Chooses the reviews of one size and splits them into train, valid and test.

Nothing is copied: the output is one byte a raw row and the split's diagnostics; convert reads the chosen rows from the
raw file. Memory: about 70 bytes a raw row, since a pair that was rated twice can only be seen with all rows at hand,
and the names of users and items.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rankpipe import params, paths, progress
from rankpipe.data.columns import Words
from rankpipe.data.sampling import draw
from rankpipe.data.selection import save_selection
from rankpipe.data.splits import SPLITS
from rankpipe.errors import InputError, nearest
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded
from rankpipe.rating.diagnostics import of_splits
from rankpipe.rating.reading import reviews
from rankpipe.rating.source import Source, source
from rankpipe.rating.splits import Given, Raw, mark, without_repeats
from rankpipe.rating.table import TRACK

SELECTION = "selection.npy"
DIAGNOSTICS = "diagnostics.json"


@dataclass(frozen=True)
class Size:
    """One entry of ``rating.extract.sizes``."""

    rows: int | None = bounded(None, low=1)
    """None takes all; a size holds the rows of every smaller one."""


@dataclass(frozen=True)
class Extract:
    """The block ``rating.extract`` of params.yaml."""

    sizes: dict[str, Size]
    split: Literal["random", "temporal", "user_cold", "item_cold", "given"] = "random"
    valid: float = bounded(0.15, above=0, below=1)
    test: float = bounded(0.15, above=0, below=1)
    repeats: Literal["refuse", "newest", "all"] = "refuse"
    """What becomes of a user's further ratings of the same item: an error, only the newest counts, or all do."""
    given: Given | None = None

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid {self.valid} and test {self.test} leave no rows to train on; lower one")


def extract(size: str) -> None:
    """Writes ``selection.npy`` (N,) uint8 (0 unused, 1 train, 2 valid, 3 test) and ``diagnostics.json``.

    Raises:
        InputError: unknown size, missing or damaged file or column, a bad row, a pair rated twice, an empty split.
    """
    values = params.load()
    settings = params.block(Extract, params.get(values, "rating.extract"), "params.yaml: rating.extract")
    seed = params.seed(values)
    if size not in settings.sizes:
        raise InputError(f"params.yaml: rating.extract.sizes: no size '{size}'; {nearest(size, settings.sizes)}")
    wanted = settings.sizes[size].rows
    raw, ratings = _read(source(values), f"extract {size}")

    kept, twice = without_repeats(raw, settings.repeats)
    if twice is not None and settings.repeats == "refuse":
        a, b = twice.tolist()
        raise InputError(f"{raw.path}: rows {a} and {b} (the first is 0): user '{raw.user_words[raw.users[a]]}' rates "
                         f"'{raw.item_words[raw.items[a]]}' twice; set params.yaml: rating.extract.repeats to newest "
                         "or all")
    there = int(kept.sum())
    if wanted is not None and wanted > there:
        print(f"size {size} asks for {wanted} rows, {raw.path} has {there}: all are taken")
    chosen = kept.copy()
    # Drawn among those that are kept, whatever the size: a size stays within every larger one.
    chosen[kept] = draw(np.zeros(there, np.uint8), [("",)], there if wanted is None else wanted, seed)
    marks = mark(settings.split, raw, chosen, settings.valid, settings.test, seed, settings.given)
    for name, value in SPLITS.items():
        if not (marks == value).any():
            raise InputError(f"{raw.path}: size {size}, split {settings.split}: '{name}' is empty; take more rows or "
                             f"raise {name} in params.yaml: rating.extract, or choose another split")

    with atomic_folder(paths.selection(size, TRACK)) as folder:
        save_selection(folder / SELECTION, marks)
        write_json(folder / DIAGNOSTICS, {
            "split": settings.split, "seed": seed, "raw_rows": len(raw), "repeats_dropped": len(raw) - there,
            "requested_rows": wanted, "took_all": wanted is None or wanted >= there,
            **of_splits(marks, raw, ratings)})


def _read(wanted: Source, title: str) -> tuple[Raw, np.ndarray]:
    """All rows, and their ratings (N,) float32."""
    words = Words(), Words()
    parts: dict[str, list[np.ndarray]] = {name: [] for name in ("users", "items", "ratings", "times")}
    with progress.bar(None, title) as bar:
        for block in reviews(wanted, *words):
            for name, held in parts.items():
                if getattr(block, name) is not None:
                    held.append(getattr(block, name))
            bar.update(len(block))
    path = wanted.reviews.path
    if not parts["users"]:
        raise InputError(f"{path}: has no rows; there is nothing to learn from")
    # One by one, so that no more than one column stands in memory twice.
    users, items, ratings, times = (np.concatenate(held) if (held := parts.pop(name)) else None for name in list(parts))
    return Raw(users, items, times, *words, path), ratings
