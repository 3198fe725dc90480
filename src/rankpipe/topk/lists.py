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


def lists(size: str, model: str, split: str, users: np.ndarray, seen: csr_matrix, length: int) -> np.ndarray:
    """(U, length) int32: the items that ``model`` recommends to each of ``users``, best first, −1 behind the last.

    Args:
        split: ``valid`` or ``test``.
        users: (U,) codes of those who have hidden rows, rising.
        seen: (U, n_items), rows as ``users``; none of these may be recommended.
        length: of every list, but for users who have fewer items left.

    Raises:
        InputError: no lists, damaged, of other users or lengths, of unknown or doubled items, or of items that were
                seen.
    """
    path = scores_file(TRACK, size, model, f"{split}.parquet")
    remedy = f"run dvc repro {cell(TRACK, size, model)}"
    found, rows = _table(path, length, remedy)
    if not np.array_equal(found, users):
        raise InputError(f"{path}: its {len(found)} users are not the {len(users)} who have hidden rows in {split}; "
                         f"{remedy}")
    if len(rows) and (rows.max() >= seen.shape[1] or rows.min() < NONE):
        raise InputError(f"{path}: item {rows.max() if rows.max() >= seen.shape[1] else rows.min()} is none of the "
                         f"{seen.shape[1]} items; {remedy}")
    ranked = np.sort(rows, axis=1)
    doubled = ((ranked[:, 1:] == ranked[:, :-1]) & (ranked[:, 1:] != NONE)).any(axis=1)
    cut = (rows != NONE).sum(axis=1) != np.minimum(length, seen.shape[1] - np.diff(seen.indptr))
    known = hits(rows, seen.indptr, seen.indices).any(axis=1)
    for wrong, what in ((doubled, "an item stands there twice"), (cut, f"there are not topk.lists = {length} items"),
                        (known, "an item was seen in training")):
        if wrong.any():
            raise InputError(f"{path}: {what}, in the list of user {users[wrong.argmax()]}; {remedy}")
    return rows


def _table(path: Path, length: int, remedy: str) -> tuple[np.ndarray, np.ndarray]:
    """Users (U,) and lists (U, length); shorter lists are filled up with −1, longer ones cut."""
    table = open_parquet(path)
    table.require(("user", "items"), "evaluation")
    users, parts = [], []
    for batch in iterate(path, ("user", "items"), _BATCH):
        column = batch.column("items")
        if not pa.types.is_list(column.type) or column.null_count:
            raise InputError(f"{path}: column 'items' holds no lists; {remedy}")
        lengths, values = np.diff(column.offsets), column.flatten().to_numpy(zero_copy_only=False)
        part = np.full((len(lengths), max(length, lengths.max(initial=0))), NONE, np.int32)
        part[np.arange(part.shape[1]) < lengths[:, None]] = values
        users.append(batch.column("user").to_numpy(zero_copy_only=False))
        parts.append(part[:, :length])
    if not parts:
        raise InputError(f"{path}: holds no lists; the split is empty, see topk.extract in params.yaml")
    return np.concatenate(users), np.concatenate(parts)
