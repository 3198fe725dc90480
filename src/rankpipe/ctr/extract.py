"""Chooses the rows of one size and splits them into train, valid and test.

Nothing is copied: the output is one byte a raw row and the split's diagnostics; convert reads the chosen rows from the
raw file. Only the label and the columns that rows are stratified, grouped or ordered by are read. Memory: about 9 bytes
a raw row, and 12 more where rows are split by group and time.
"""

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rankpipe import params, paths
from rankpipe.ctr.rolecolumns import Roles, read_roles
from rankpipe.ctr.source import source
from rankpipe.data.sampling import count, draw
from rankpipe.data.schema import Schema
from rankpipe.data.splits import SPLITS, given_split, group_split, random_split, tail_split
from rankpipe.errors import InputError, nearest
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.io.parquet import open_parquet
from rankpipe.params import bounded

TRACK = "ctr"
SELECTION = "selection.npy"
DIAGNOSTICS = "diagnostics.json"


@dataclass(frozen=True)
class Size:
    """One entry of ``ctr.extract.sizes``."""

    rows: int | None = bounded(None, low=1)
    """None takes all."""
    valid: float = bounded(0.1, above=0, below=1)
    test: float = bounded(0.1, above=0, below=1)

    def __post_init__(self) -> None:
        if self.valid + self.test >= 1:
            raise ValueError(f"valid {self.valid} and test {self.test} leave no rows to train on; lower one")


@dataclass(frozen=True)
class Group:
    """Which groups are held out by the split ``group``. None: drawn by hash until the size's shares are reached."""

    column: str | None = None
    """None: the schema's group column."""
    test: tuple[str, ...] | None = None
    valid: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Extract:
    """The block ``ctr.extract`` of params.yaml."""

    sizes: dict[str, Size]
    split: Literal["random", "group", "tail", "given"] = "random"
    stratify: tuple[str, ...] = ()
    """Columns of few values; the label is worth naming."""
    group: Group | None = None
    given: str | None = None
    """A file of one word a row: train, valid or test. Under data/ctr DVC sees when it changes."""


def extract(size: str) -> None:
    """Writes ``selection.npy`` (N,) uint8 (0 unused, 1 train, 2 valid, 3 test) and ``diagnostics.json``.

    Raises:
        InputError: unknown size, missing or damaged file or column, a label not 0 or 1, an empty or one-class split.
    """
    values = params.load()
    schema = params.block(Schema, params.get(values, "ctr.schema"), "params.yaml: ctr.schema")
    settings = params.block(Extract, params.get(values, "ctr.extract"), "params.yaml: ctr.extract")
    seed = params.seed(values)
    if size not in settings.sizes:
        raise InputError(f"params.yaml: ctr.extract.sizes: no size '{size}'; {nearest(size, settings.sizes)}")
    shares = settings.sizes[size]
    table = open_parquet(source(values).train)
    roles = read_roles(table, schema.label, settings.stratify, _group_column(settings, schema),
                       schema.timestamp if settings.split == "tail" else None, f"extract {size}")
    _both_classes(roles.label, table.path, "the file")

    rows = table.rows if shares.rows is None else min(shares.rows, table.rows)
    if shares.rows is not None and shares.rows > table.rows:
        print(f"size {size} asks for {shares.rows} rows, {table.path} has {table.rows}: all are taken")
    marks = _split(draw(roles.strata, roles.words, rows, seed), roles, settings, shares, seed, table.path)
    for name, mark in SPLITS.items():
        inside = roles.label[marks == mark]
        where = f"size {size}, split {settings.split}"
        if len(inside) == 0:
            raise InputError(f"{table.path}: {where}: '{name}' is empty; raise rows or {name} in "
                             f"params.yaml: ctr.extract.sizes.{size}, or choose another split")
        _both_classes(inside, table.path, f"{where}: '{name}'")

    with atomic_folder(paths.selection(size, TRACK)) as folder:
        buffer = io.BytesIO()  # into a file numpy writes by a call that loses the reason when the disk is full
        np.save(buffer, marks, allow_pickle=False)
        (folder / SELECTION).write_bytes(buffer.getbuffer())
        write_json(folder / DIAGNOSTICS, _diagnostics(marks, roles, settings, shares, seed))


def _group_column(settings: Extract, schema: Schema) -> str | None:
    group = settings.group or Group()
    column = group.column or schema.group
    if settings.split != "group":
        return schema.group
    if column is None:
        raise InputError("params.yaml: ctr.extract.split: group needs a column; set ctr.extract.group.column")
    return column


def _split(chosen: np.ndarray, roles: Roles, settings: Extract, shares: Size, seed: int, source: Path) -> np.ndarray:
    if settings.split == "random":
        return random_split(chosen, roles.strata, roles.words, shares.valid, shares.test, seed)
    if settings.split == "tail":
        return tail_split(chosen, roles.timestamp, shares.valid, shares.test)
    if settings.split == "group":
        group = settings.group or Group()
        return group_split(chosen, roles.group, list(roles.group_words), group.valid, group.test,
                           (shares.valid, shares.test), seed, str(roles.group_column), str(source))
    if settings.given is None:
        raise InputError("params.yaml: ctr.extract.split: given needs a file of one word a row; set ctr.extract.given")
    path = Path(settings.given)
    if not path.is_file():
        raise InputError(f"{path}: not found; params.yaml: ctr.extract.given must name a file of one word a row")
    with path.open(encoding="utf-8", errors="replace") as lines:
        return given_split(chosen, lines, path, str(source))


def _both_classes(label: np.ndarray, path: Path, where: str) -> None:
    if label.min(initial=1) == label.max(initial=0) or len(label) == 0:
        what = "no row" if len(label) == 0 else f"only label {label[0]}"
        raise InputError(f"{path}: {where} has {what}; nothing can be learnt or judged on one class: take more rows, "
                         "or stratify by the label")


def _diagnostics(marks: np.ndarray, roles: Roles, settings: Extract, shares: Size, seed: int) -> dict[str, Any]:
    used = int(np.count_nonzero(marks))
    return {
        "split": settings.split, "seed": seed, "stratify": list(settings.stratify),
        "raw_rows": len(marks), "requested_rows": shares.rows, "rows": used, "took_all": used == len(marks),
        "splits": {name: _of_split(marks == mark, used, roles) for name, mark in SPLITS.items()},
    }


def _of_split(inside: np.ndarray, used: int, roles: Roles) -> dict[str, Any]:
    rows = int(inside.sum())
    label = roles.label[inside]
    strata = count(roles.strata, len(roles.words), inside)
    columns: dict[str, dict[str, int]] = {c: {} for c in roles.stratify}
    for words, n in zip(roles.words, strata.tolist(), strict=True):
        for column, word in zip(roles.stratify, words, strict=True):
            columns[column][word] = columns[column].get(word, 0) + n
    found: dict[str, Any] = {"rows": rows, "share": rows / used, "positives": int(label.sum()),
                             "label_rate": float(label.mean()) if rows else None, "distribution": columns}
    if roles.group is not None:
        counts = count(roles.group, len(roles.group_words), inside)
        largest = np.argsort(-counts, kind="stable")[:20]
        found["groups"] = {"column": roles.group_column, "distinct": int((counts > 0).sum()),
                           "largest": {roles.group_words[i]: int(counts[i]) for i in largest if counts[i]}}
    return found
