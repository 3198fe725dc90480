"""What a split is like: sizes, cold items, and whether the hidden rows are as popular as those of train."""

from typing import Any

import numpy as np

from rankpipe.data.splits import TRAIN
from rankpipe.topk.rows import Rows

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


def diagnostics(marks: np.ndarray, rows: Rows, splits: dict[str, tuple[int, ...]]) -> dict[str, Any]:
    """Of each split that has rows.

    Args:
        marks: (n,) of ``rows``.
        splits: name → its marks; the second, where there is one, is that of rows behind the cut in time.
    """
    used = int(np.count_nonzero(marks))
    in_train = np.bincount(rows.items[marks == TRAIN], minlength=len(rows.item_keys))
    rank = np.empty(len(in_train), np.int64)
    rank[np.argsort(-in_train, kind="stable")] = np.arange(len(in_train))
    profile = _profile(rank[rows.items[marks == TRAIN]], len(rank))
    found = {}
    for name, mine in splits.items():
        inside = np.isin(marks, mine)
        if inside.any():
            found[name] = _of_split(rows, inside, used, in_train, rank, profile)
            behind = int((marks == mine[-1]).sum()) if len(mine) > 1 else 0
            if behind:
                found[name].update(sequential=behind, static=int(inside.sum()) - behind)
    return {"rows": used, "splits": found}


def _of_split(rows: Rows, inside: np.ndarray, used: int, in_train: np.ndarray, rank: np.ndarray,
              profile: np.ndarray) -> dict[str, Any]:
    """``popularity_distance``: the greatest gap (Kolmogorov–Smirnov) between the split's rows and train's, both laid
    along the items from the most popular in train to the least."""
    users, items = rows.users[inside], rows.items[inside]
    distinct = np.unique(items)
    cold = in_train[items] == 0
    return {
        "rows": len(items), "share": len(items) / used, "users": len(np.unique(users)), "items": len(distinct),
        "cold_items": int((in_train[distinct] == 0).sum()), "cold_item_share": float((in_train[distinct] == 0).mean()),
        "cold_rows": int(cold.sum()), "cold_row_share": float(cold.mean()),
        "rows_per_user": {f"{q:g}": float(v) for q, v in
                          zip(QUANTILES, np.quantile(np.unique(users, return_counts=True)[1], QUANTILES), strict=True)},
        "train_popularity": {f"{q:g}": float(v) for q, v in
                             zip(QUANTILES, np.quantile(in_train[items], QUANTILES), strict=True)},
        "popularity_distance": float(np.abs(_profile(rank[items], len(rank)) - profile).max()),
    }


def _profile(ranks: np.ndarray, items: int) -> np.ndarray:
    """(items,) share of the rows at or above each rank of popularity."""
    return np.cumsum(np.bincount(ranks, minlength=items)) / max(len(ranks), 1)
