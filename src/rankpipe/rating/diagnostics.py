"""What a split is like: sizes, how much of it train has never seen, and how its ratings are spread."""

from typing import Any

import numpy as np

from rankpipe.data.splits import SPLITS, TRAIN
from rankpipe.rating.splits import Raw

_VALUES = 20


def of_splits(marks: np.ndarray, raw: Raw, ratings: np.ndarray) -> dict[str, Any]:
    """Of each split.

    Args:
        marks: (N,) of the rows of ``raw``.
        ratings: (N,).
    """
    trained = [np.bincount(codes[marks == TRAIN], minlength=len(words)) > 0
               for codes, words in ((raw.users, raw.user_words), (raw.items, raw.item_words))]
    used = int(np.count_nonzero(marks))
    return {"rows": used, "splits": {name: _of_split(marks == value, used, raw, ratings, *trained)
                                     for name, value in SPLITS.items()}}


def _of_split(inside: np.ndarray, used: int, raw: Raw, ratings: np.ndarray, known_users: np.ndarray,
              known_items: np.ndarray) -> dict[str, Any]:
    users, items, mine = raw.users[inside], raw.items[inside], ratings[inside].astype(np.float64)
    cold_user, cold_item = ~known_users[users], ~known_items[items]
    found: dict[str, Any] = {
        "rows": len(users), "share": len(users) / used,
        "users": len(np.unique(users)), "items": len(np.unique(items)),
        "cold_user_rows": float(cold_user.mean()), "cold_item_rows": float(cold_item.mean()),
        "cold_rows": float((cold_user | cold_item).mean()),
        "mean": float(mine.mean()), "deviation": float(mine.std()), "histogram": _histogram(mine),
    }
    if raw.times is not None:
        found["first_time"], found["last_time"] = int(raw.times[inside].min()), int(raw.times[inside].max())
    return found


def _histogram(ratings: np.ndarray) -> dict[str, int]:
    """Rating → rows; of a finer scale, the lower end of each of equal ranges → rows."""
    values, counts = np.unique(ratings, return_counts=True)
    if len(values) > _VALUES:
        counts, edges = np.histogram(ratings, bins=_VALUES)
        values = edges[:-1]
    return {f"{v:g}": int(n) for v, n in zip(values, counts, strict=True)}
