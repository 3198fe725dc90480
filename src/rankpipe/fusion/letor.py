"""Learning-to-rank files of features alone: SVMlight lines ``grade [qid:n] column:value …`` and, where lines have no
``qid``, a file beside them with the number of lines of each query (LightGBM's ``.query``).
"""

from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.datasets import load_svmlight_file

from rankpipe.errors import InputError
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.dataset import Slates

HIGHEST = 30
"""The highest grade: LightGBM knows gains up to here."""


def read(train: str | Path, query: str | Path | None = None) -> Examples:
    """One example a query, in order of the file; features are named ``f000``, ``f001``, … by their column.

    Args:
        train: SVMlight, columns from 0 or 1 on, sparse or not; absent values are 0.
        query: lines of each query; None takes ``qid``, whose lines must stand together.

    Raises:
        InputError: missing or damaged file, counts that don't fit, a grade that is no whole number from 0 to 30.
    """
    train = Path(train)
    if not train.is_file():
        raise InputError(f"{train}: not found; put the file there or fetch it (dvc pull)")
    try:
        matrix, grades, groups = load_svmlight_file(str(train), dtype=np.float32, query_id=True)
    except (ValueError, OverflowError, UnicodeDecodeError) as error:
        raise InputError(f"{train}: not SVMlight, 'grade qid:1 1:0.5 …' ({error})") from error
    if not np.isfinite(matrix.data).all():
        raise InputError(f"{train}: a value is NaN or infinite; leave it out, absent values are 0")
    bad = (grades != np.floor(grades)) | (grades < 0) | (grades > HIGHEST)
    if bad.any():
        row = int(bad.argmax())
        raise InputError(f"{train}: line {row + 1}: grade {grades[row]:g}; expected whole numbers from 0 to {HIGHEST}")
    lengths = _of_file(Path(query), train, len(grades)) if query is not None else _of_ids(groups, train, len(grades))
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    digits = max(3, len(str(matrix.shape[1] - 1)))
    names = tuple(f"f{i:0{digits}d}" for i in range(matrix.shape[1]))
    slates = Slates(offsets, np.arange(len(grades), dtype=np.int32), grades.astype(np.int8))
    return Examples(np.arange(len(lengths), dtype=np.int32), slates, matrix.toarray(), names)


def part(examples: Examples, queries: np.ndarray) -> Examples:
    """The slates ``queries`` (q,) of files of features, in that order."""
    chosen = examples.slates.take(queries)
    rows = chosen.candidates
    renamed = replace(chosen, candidates=np.arange(len(rows), dtype=np.int32))
    return Examples(np.arange(len(queries), dtype=np.int32), renamed, examples.features[rows], examples.names)


def _of_file(path: Path, train: Path, rows: int) -> np.ndarray:
    if not path.is_file():
        raise InputError(f"{path}: not found; put the file there or fetch it (dvc pull)")
    try:
        lengths = np.array([int(line) for line in path.read_text(encoding="utf-8").split()], np.int64)
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: expected one whole number a line, the lines of each query ({error})") from error
    if (lengths < 1).any() or lengths.sum() != rows:
        raise InputError(f"{path}: counts of at least 1 that sum to the {rows} lines of {train} expected, "
                         f"found {len(lengths)} that sum to {lengths.sum()}")
    return lengths


def _of_ids(groups: np.ndarray, train: Path, rows: int) -> np.ndarray:
    if len(groups) != rows or not rows:
        raise InputError(f"{train}: its lines have no qid; name the file of each query's lines beside it "
                         "(fusion.source.letor.query)")
    starts = np.flatnonzero(np.concatenate([[True], np.diff(groups) != 0]))
    if len(np.unique(groups[starts])) != len(starts):
        raise InputError(f"{train}: the lines of a qid stand apart; sort the file by qid")
    return np.diff(np.concatenate([starts, [rows]]))
