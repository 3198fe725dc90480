"""The public data sets of the benchmarks as tables that the pipeline reads: a frame, and each row's split."""

import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

FRAPPE = ("user", "item", "daytime", "weekday", "isweekend", "homework", "cost", "weather", "country", "city")
FILMS = ("user", "age", "gender", "occupation", "hour", "weekday", "item", "year", "genre")
LEAST_HISTORY = 5
NEWEST = 50


def real_data(name: str) -> Path:
    """The folder of one data set under ``RANKPIPE_REAL_DATA``; ends the program with a line where there is none."""
    folder = Path(os.environ.get("RANKPIPE_REAL_DATA", "")) / name
    if "RANKPIPE_REAL_DATA" not in os.environ or not folder.is_dir():
        sys.exit(f"{folder}: no such folder; set RANKPIPE_REAL_DATA to the folder of the public data sets")
    return folder


def frappe(folder: Path) -> tuple[pd.DataFrame, np.ndarray]:
    """Frappe's 57,722 rows: ``label`` and ten categorical columns of text, and the given split (train or valid) of
    each.

    The split that the published figures are taken on is called valid in the file. It is ``test`` here: nothing may be
    chosen on it, and what is needed for early stopping is cut from train by :func:`hold_out`.
    """
    lines = (folder / "frappe_57k.libsvm").read_text().splitlines()
    words = [line.replace(":1", "").split() for line in lines]
    frame = pd.DataFrame(words, columns=["label", *FRAPPE]).astype({"label": np.int32})
    given = pd.read_csv(folder / "splits.csv")["ctr_random"].to_numpy()
    return frame, np.where(given == "valid", "test", "train").astype(object)


def hold_out(split: np.ndarray, share: float, seed: int) -> np.ndarray:
    """``split`` with a random ``share`` of its train rows turned into valid; the same rows for the same ``seed``."""
    train = np.flatnonzero(split == "train")
    chosen = np.random.default_rng(seed).permutation(train)[: round(share * len(train))]
    split = split.copy()
    split[chosen] = "valid"
    return split


def movielens(folder: Path, strict: bool = False) -> tuple[pd.DataFrame, np.ndarray]:
    """MovieLens-100k as sequential CTR: 95,285 rows in order of time, the first 8/10 train, the next 1/10 valid, the
    rest test.

    All ratings are sorted by (timestamp, user, item) as numbers. ``label`` is rating ≥ 4. The history of a row is its
    user's rows before it, the newest 50 items with their ratings, newest last; rows with fewer than 5 are dropped,
    though they still are history of later ones. ``strict`` keeps the same rows but takes only history of strictly
    earlier seconds, since half of all rows share their second with an earlier row of the same user: a page of films
    that was rated at once.
    """
    ratings = pd.read_csv(folder / "ml-100k.inter", sep="\t").rename(columns=lambda name: name.split(":")[0])
    ratings = ratings.sort_values(["timestamp", "user_id", "item_id"], ignore_index=True)
    films = pd.read_csv(
        folder / "ml-100k.item",
        sep="\t",
        index_col=0,
        keep_default_na=False,
        dtype={"release_year:token": str, "class:token_seq": str},
    )
    people = pd.read_csv(folder / "ml-100k.user", sep="\t", index_col=0)

    times = pd.to_datetime(ratings["timestamp"], unit="s")
    year = pd.to_numeric(films["release_year:token"], errors="coerce")
    film = pd.DataFrame(
        {"year": (year // 5 * 5).fillna(-1).astype(int), "genre": films["class:token_seq"].str.split().str[0]}
    )
    person = people.rename(columns=lambda name: name.split(":")[0]).assign(age=lambda p: p["age"] // 5 * 5)
    frame = pd.DataFrame(
        {
            "label": (ratings["rating"] >= 4).astype(np.int32),
            "user": ratings["user_id"],
            "item": ratings["item_id"],
            "hour": times.dt.hour,
            "weekday": times.dt.dayofweek,
        }
    )
    frame = frame.join(person[["age", "gender", "occupation"]], on="user").join(film, on="item")
    frame["items"], frame["ratings"], length = _histories(ratings, strict)
    kept = (length >= LEAST_HISTORY).to_numpy()
    frame = frame[kept].reset_index(drop=True)
    frame = frame.astype(dict.fromkeys(FILMS, str))

    n = len(frame)
    split = np.repeat(
        np.array(["train", "valid", "test"], dtype=object), [n * 8 // 10, n // 10, n - n * 8 // 10 - n // 10]
    )
    return frame[["label", *FILMS, "items", "ratings"]], split


def _histories(ratings: pd.DataFrame, strict: bool) -> tuple[list[str], list[str], pd.Series]:
    """Text of the newest items and of their ratings before each row, and how many rows its user has before it."""
    order = ratings.groupby("user_id", sort=False).cumcount()
    known = ratings.groupby(["user_id", "timestamp"], sort=False).cumcount().rsub(order) if strict else order
    items, stars = {}, {}
    for user, rows in ratings.groupby("user_id", sort=False):
        items[user] = rows["item_id"].astype(str).tolist()
        stars[user] = rows["rating"].astype(str).tolist()

    def newest(words: dict[int, list[str]]) -> list[str]:
        return [
            ",".join(words[user][max(0, n - NEWEST) : n]) for user, n in zip(ratings["user_id"], known, strict=True)
        ]

    return newest(items), newest(stars), order
