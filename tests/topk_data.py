"""Data sets in memory that the tests of the topk track share."""

import numpy as np

from rankpipe.topk.dataset import Dataset
from rankpipe.topk.fields import Field, field
from rankpipe.topk.interactions import Interactions


def checkerboard(n: int = 20, hidden: int = 2) -> Dataset:
    """``n`` users × ``n`` items (n even): a user likes the items of the same parity as his own code, and no other.

    Each user's first ``hidden`` liked items from his own code on are valid, the next ``hidden`` test, the rest train.
    So whoever has understood the board recommends exactly the hidden ones first. One field a side tells the parity.
    """
    users, steps = np.divmod(np.arange(n * n // 2), n // 2)
    items = (users + 2 * steps) % n
    part = np.minimum(steps // hidden, 2)
    splits = [Interactions.of(users[part == k], items[part == k], n, n, steps[part == k], np.ones((part == k).sum()))
              for k in range(3)]
    parity = field("parity", 2, np.arange(n), np.arange(n) % 2, n)
    names = [str(i) for i in range(n)]
    return Dataset(splits[2], splits[0], splits[1], names, names, (parity,), (parity,))


def random_dataset(n_users: int = 50, n_items: int = 30, seed: int = 0, fields: bool = True,
                   mean_rows: int = 12) -> Dataset:
    """Rows without any pattern but popularity; every user has a train row, some have no valid or test row.

    With ``fields``: one user field of a single value, one item field of several values with some items of none, and one
    item field of a single value with gaps.
    """
    rng = np.random.default_rng(seed)
    weights = 1 / np.arange(1, n_items + 1)
    parts: list[list[tuple[int, int]]] = [[], [], []]
    for user in range(n_users):
        size = int(np.clip(rng.poisson(mean_rows), 1, n_items - 5))
        for place, item in enumerate(rng.choice(n_items, size, replace=False, p=weights / weights.sum())):
            parts[0 if place == 0 else int(rng.choice(3, p=[0.7, 0.15, 0.15]))].append((user, int(item)))
    train, valid, test = (Interactions.of(*np.array(rows, int).reshape(-1, 2).T, n_users, n_items,
                                          rng.integers(10**9, 10**9 + 10**7, len(rows)),
                                          rng.integers(1, 6, len(rows))) for rows in parts)
    user_fields: tuple[Field, ...] = ()
    item_fields: tuple[Field, ...] = ()
    if fields:
        user_fields = (field("age", 4, np.arange(n_users), rng.integers(0, 4, n_users), n_users),)
        some = np.flatnonzero(rng.random(3 * n_items) < 0.5)
        known = np.flatnonzero(rng.random(n_items) < 0.9)
        item_fields = (field("genre", 5, some % n_items, rng.integers(0, 5, len(some)), n_items),
                       field("year", 3, known, rng.integers(0, 3, len(known)), n_items))
    return Dataset(train, valid, test, [f"u{i:04d}" for i in range(n_users)], [f"i{i:04d}" for i in range(n_items)],
                   user_fields, item_fields)
