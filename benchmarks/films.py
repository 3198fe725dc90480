"""MovieLens-100k as raw data of the tracks topk and rating: the files, their columns, the given splits."""

from pathlib import Path
from typing import Any

from benchmarks.tables import real_data

FILES = ("ml-100k.inter", "ml-100k.item", "ml-100k.user", "splits.csv")
USERS, ITEMS = 943, 1_682


def files() -> dict[str, Path]:
    folder = real_data("movielens-100k")
    return {name: folder / name for name in FILES}


def topk_source() -> dict[str, Any]:
    """The block ``topk.source``: genres, year of release, age, gender and occupation beside the ratings."""
    item = {"path": "data/topk/ml-100k.item", "id": "item_id"}
    user = {"path": "data/topk/ml-100k.user", "id": "user_id"}
    return {
        "interactions": {"path": "data/topk/ml-100k.inter", "user": "user_id", "item": "item_id", "time": "timestamp",
                         "rating": "rating"},
        "item_fields": {"genre": {**item, "column": "class", "split": " "},
                        "year": {**item, "column": "release_year", "kind": "number",
                                 "missing": ["unkonwn", "V"]}},
        "user_fields": {"age": {**user, "column": "age", "kind": "number"}, "gender": {**user, "column": "gender"},
                        "occupation": {**user, "column": "occupation"}},
    }  # fmt: skip


def rating_source() -> dict[str, Any]:
    """The block ``rating.source``: the same columns."""
    return {
        "reviews": {"path": "data/rating/ml-100k.inter", "user": "user_id", "item": "item_id", "rating": "rating",
                    "timestamp": "timestamp"},
        "users": {"path": "data/rating/ml-100k.user", "id": "user_id", "numbers": {"age": {"column": "age"}},
                  "fields": {"gender": {"column": "gender"}, "occupation": {"column": "occupation"}}},
        "items": {"path": "data/rating/ml-100k.item", "id": "item_id",
                  "numbers": {"year": {"column": "release_year", "missing": ["unkonwn", "V"]}},
                  "fields": {"genre": {"column": "class", "split": " "}}},
        "scale": [1, 5],
    }  # fmt: skip
