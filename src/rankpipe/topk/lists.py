"""The lists that models made for the users of a split, as train left them, checked before anybody judges by them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
from scipy.sparse import csr_matrix

from rankpipe.cells import cell, scores_file
from rankpipe.errors import InputError
from rankpipe.io.parquet import iterate, open_parquet
from rankpipe.metrics.topk import NONE, hits

TRACK = "topk"
_BATCH = 1 << 14


def lists(size: str, model: str, split: str, users: np.ndarray, seen: csr_matrix) -> np.ndarray:
    """(U, K) int32: the items that ``model`` recommends to each of ``users``, best first, −1 behind the last.

    Args:
        split: ``valid`` or ``test``.
        users: (U,) codes of those who have hidden rows, rising.
        seen: (U, n_items), rows as ``users``; none of these may be recommended.

    Raises:
        InputError: no lists, damaged, of other users, empty, of unknown or doubled items, or of items that were seen.
    """
    path = scores_file(TRACK, size, model, f"{split}.parquet")
    remedy = f"run dvc repro {cell(TRACK, size, model)}"
    found, rows = _table(path, remedy)
    if not np.array_equal(found, users):
        raise InputError(f"{path}: its {len(found)} users are not the {len(users)} who have hidden rows in {split}; "
                         f"{remedy}")
    if len(rows) and (rows.max() >= seen.shape[1] or rows.min() < NONE):
        raise InputError(f"{path}: item {rows.max() if rows.max() >= seen.shape[1] else rows.min()} is none of the "
                         f"{seen.shape[1]} items; {remedy}")
    ranked = np.sort(rows, axis=1)
    doubled = ((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] != NONE)).any(axis=1)
    empty = (rows[:, :1] == NONE).any(axis=1)
    known = hits(rows, seen.indptr, seen.indices).any(axis=1)
    for wrong, what in ((doubled, "an item stands there twice"), (empty, "nothing is there"),
                        (known, "an item was seen in training")):
        if wrong.any():
            raise InputError(f"{path}: {what}, in the list of user {users[wrong.argmax()]}; {remedy}")
    return rows


def _table(path: Path, remedy: str) -> tuple[np.ndarray, np.ndarray]:
    """Users (U,) and lists (U, K); shorter lists are filled up with −1."""
    table = open_parquet(path)
    table.require(("user", "items"), "evaluation")
    users, parts = [], []
    for batch in iterate(path, ("user", "items"), _BATCH):
        column = batch.column("items")
        if not pa.types.is_list(column.type) or column.null_count:
            raise InputError(f"{path}: column 'items' holds no lists; {remedy}")
        lengths, values = np.diff(column.offsets), column.flatten().to_numpy(zero_copy_only=False)
        part = np.full((len(lengths), lengths.max(initial=0)), NONE, np.int32)
        part[np.arange(part.shape[1]) < lengths[:, None]] = values
        users.append(batch.column("user").to_numpy(zero_copy_only=False))
        parts.append(part)
    if not parts:
        raise InputError(f"{path}: holds no lists; the split is empty, see topk.extract in params.yaml")
    width = max(1, *(part.shape[1] for part in parts))
    padded = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=NONE) for part in parts]
    return np.concatenate(users), np.concatenate(padded)
