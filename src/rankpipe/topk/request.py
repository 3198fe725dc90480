"""What a bundle's sample request asks: lists for somebody who took the most popular items."""

from typing import Any

import pandas as pd

from rankpipe.errors import InputError
from rankpipe.topk.dataset import Dataset
from rankpipe.topk.predictor import Recommender

ITEMS = 5


def request(recommender: Recommender, data: Dataset) -> tuple[dict[str, Any], str]:
    """The request with its answers, and where its row comes from.

    A new user who took the most popular items is nobody; of a model that can't fold new users in, the request is for
    the user with the most rows.
    """
    popular = (-data.train.popularity()).argsort(kind="stable")[:ITEMS]
    row: dict[str, Any] = {"items": [data.item_names[item] for item in popular]}
    origin = "a new user who took the most popular items, it is nobody's"
    try:
        answers = recommender(pd.DataFrame([row]))
    except InputError:
        most = int((-data.known.getnnz(axis=1)).argmin())
        row, origin = {"user": data.user_names[most]}, "the user with the most rows: the model knows its own users only"
        answers = recommender(pd.DataFrame([row]))
    return {"rows": [row], "answers": [{key: value.item() if hasattr(value, "item") else value
                                        for key, value in answer.items()} for answer in answers.to_dict("records")]
            }, origin
