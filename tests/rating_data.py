"""A small table of the track `rating` as convert leaves it, written straight to the disk."""

from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.io.arrays import put_all
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.rating.table import (
    ABOUT,
    SPLITS,
    TRACK,
    About,
    Field,
    Ratings,
    Side,
    about_json,
    text_batch,
    text_path,
    text_writer,
    write_side,
)

WORDS = ("tasty", "bland", "salty", "clean", "dirty", "cheap", "slow", "friendly", "loud", "fresh")


def write_table(size: str, splits: dict[str, Ratings], users: Side, items: Side, texts: dict[str, list[str]] | None,
                low: float = 1.0, high: float = 5.0) -> None:
    """``build/<size>/rating/table`` under the working folder, from whole arrays."""
    times = splits["train"].times is not None
    with atomic_folder(paths.table(size, TRACK)) as folder:
        for name, split in splits.items():
            arrays = {"users": split.users, "items": split.items, "ratings": split.ratings, "rows": split.rows}
            put_all(folder / f"{name}.h5", {**arrays, **({"times": split.times} if times else {})})
            if texts is not None:
                with text_writer(text_path(folder, name)) as writer:
                    writer.write_batch(text_batch(texts[name]))
        write_side(folder, "users", users)
        write_side(folder, "items", items)
        write_json(folder / ABOUT, about_json(About(low, high, texts is not None, times,
                                                    {k: len(v) for k, v in splits.items()})))


def field(name: str, words: list[str], rows: list[list[int]]) -> Field:
    """A field from the codes of each row."""
    offsets = np.cumsum([0, *map(len, rows)], dtype=np.int64)
    return Field(name, words, offsets, np.array([v for row in rows for v in row], np.int32))


def workspace(folder: Path, size: str = "toy", rows: dict[str, int] | None = None, n_users: int = 40, n_items: int = 25,
              text: bool = True, stats: bool = True, fields: bool = True, times: bool = True, seed: int = 5) -> Path:
    """Generated ratings = 3 + user effect + item effect + noise, rounded; texts name the rating's side now and then.

    A tenth of the rows of valid and test have a cold user, a tenth a cold item. Call with ``folder`` as the working
    folder (``monkeypatch.chdir``).
    """
    rng = np.random.default_rng(seed)
    rows = rows or {"train": 600, "valid": 150, "test": 150}
    user_effect, item_effect = rng.normal(0, 0.7, n_users), rng.normal(0, 0.7, n_items)
    splits, texts, start = {}, {}, 0
    for name in SPLITS:
        n = rows[name]
        users, items = rng.integers(0, n_users, n), rng.integers(0, n_items, n)
        if name == "train":  # every code occurs
            users[:n_users], items[:n_items] = np.arange(n_users)[:n], np.arange(n_items)[:n]
        score = np.clip(np.rint(3 + user_effect[users] + item_effect[items] + rng.normal(0, 0.6, n)), 1, 5)
        if name != "train":
            users, items = np.where(rng.random(n) < 0.1, -1, users), np.where(rng.random(n) < 0.1, -1, items)
        moments = 1_500_000_000 + np.arange(start, start + n) * 3600
        splits[name] = Ratings(users.astype(np.int32), items.astype(np.int32), score.astype(np.float32),
                               moments.astype(np.int64) if times else None, np.arange(start, start + n, dtype=np.int64))
        lengths = rng.integers(2, 9, n)
        texts[name] = [" ".join([*rng.choice(WORDS, k), "great" if s > 3 else "awful"])
                       for k, s in zip(lengths, score, strict=True)]
        start += n

    def of(names: tuple[str, ...], m: int) -> dict[str, np.ndarray]:
        return {k: rng.integers(1, 60, m).astype(np.float32) for k in names} if stats else {}

    def side(prefix: str, m: int, names: tuple[str, ...], mean: str, effect: np.ndarray) -> Side:
        found = of(names, m)
        if stats:
            found[mean] = np.clip(np.round(3 + effect, 2), 1, 5).astype(np.float32)
        words = (field("kind", ["a", "b", "c"], [[int(k)] for k in rng.integers(0, 3, m)]),
                 field("tags", ["p", "q", "r", "s"], [np.flatnonzero(rng.random(4) < 0.4).tolist() for _ in range(m)]))
        numbers = {"year": rng.integers(1950, 2000, m).astype(np.float32)} if fields else {}
        return Side([f"{prefix}{i}" for i in range(m)], found, numbers, words if fields else ())

    folder.mkdir(parents=True, exist_ok=True)
    write_table(size, splits, side("u", n_users, ("review_count", "useful", "compliment", "fans"), "average_stars",
                                   user_effect),
                side("i", n_items, ("review_count",), "stars", item_effect), texts if text else None)
    return folder
