"""The track's side of a bundle: scores of pairs, lists for known users, and lists for new ones from their items."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix

from rankpipe.errors import InputError, nearest
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.topk.recommend import best, recommend
from rankpipe.topk.scoring import Scorer, load_model

HISTORY = "history.h5"
"""In the bundle: names of users and items, and what each user took, as CSR."""
K = 10
BLOCK = 256
_SEPARATOR = "|"


class Recommender:
    """A model with the names behind its codes.

    :meth:`__call__` answers a frame by its columns:

    - ``user`` and ``item``: (N,) float32, the scores of the pairs; only their order within a user means something;
    - ``user``: the ten best items that each user hasn't taken;
    - ``items``, a list in each cell (or text, parted by ``|``): the same for new users who took these, where the model
      can fold them in. A column ``user`` beside it is a label.
    """

    id: str | None = None
    text_columns = ("user", "item", "items")

    def __init__(self, scorer: Scorer, users: list[str], items: list[str], history: csr_matrix):
        self.scorer, self.users, self.items, self.history = scorer, users, items, history
        self._users = {name: code for code, name in enumerate(users)}
        self._items = {name: code for code, name in enumerate(items)}

    def __call__(self, frame: pd.DataFrame) -> np.ndarray | pd.DataFrame:
        """See the class; raises InputError for a column that is missing, a user or an item that the model doesn't
        know.
        """
        names = list(frame.columns)
        for name in self.text_columns:
            if names.count(name) > 1:
                raise InputError(f"the frame has {names.count(name)} columns '{name}'; keep one")
        if "items" in names:
            label = "user" if "user" in names else "row"
            labels = frame["user"].tolist() if "user" in names else range(len(frame))
            return self._lists(label, labels, *self._folded(frame["items"].tolist(), K))
        if "user" not in names:
            raise InputError(f"the frame has no column 'user', and no 'items' of a new one; {nearest('user', names)}")
        users = self._codes(frame["user"], self._users, "user")
        if "item" in names:
            return self._pairs(users, self._codes(frame["item"], self._items, "item"))
        return self._lists("user", frame["user"].tolist(), *recommend(self.scorer, users, self.history, K))

    def recommend(self, users: Sequence[Any] | None = None,
                  histories: Mapping[Any, Sequence[Any]] | Sequence[Sequence[Any]] | None = None,
                  k: int = K) -> pd.DataFrame:
        """The ``k`` best unseen items, fewer where fewer are left.

        Args:
            users: ids of users whom the model was trained on.
            histories: or what new users took: label → ids of items, or a list of such lists.

        Returns:
            A frame of ``user`` (``row`` for unnamed histories), ``place`` from 1, ``item`` and ``score``.

        Raises:
            InputError: both or neither given, an unknown id, or a model that can't fold new users in.
        """
        if (users is None) == (histories is None) or k < 1:
            raise InputError("recommend wants either users or histories, and k of at least 1")
        if users is not None:
            codes = self._codes(users, self._users, "user")
            return self._lists("user", users, *recommend(self.scorer, codes, self.history, k))
        if isinstance(histories, Mapping):
            return self._lists("user", list(histories), *self._folded(list(histories.values()), k))
        return self._lists("row", range(len(histories)), *self._folded(list(histories), k))

    def _pairs(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        """(N,) scores; each user's are computed once."""
        out = np.empty(len(users), np.float32)
        distinct, places = np.unique(users, return_inverse=True)
        order = np.argsort(places, kind="stable")
        ends = np.searchsorted(places[order], np.arange(0, len(distinct) + BLOCK, BLOCK))
        for i, start in enumerate(range(0, len(distinct), BLOCK)):
            rows = order[ends[i]:ends[i + 1]]
            out[rows] = self.scorer.block(distinct[start:start + BLOCK])[places[rows] - start, items[rows]]
        return out

    def _folded(self, histories: list[Any], k: int) -> tuple[np.ndarray, np.ndarray]:
        lists, scores = np.empty((len(histories), k), np.int32), np.empty((len(histories), k), np.float32)
        for start in range(0, len(histories), BLOCK):
            codes = [np.unique(self._codes(_listed(cell, start + i), self._items, "item"))
                     for i, cell in enumerate(histories[start:start + BLOCK])]
            offsets = np.cumsum([0, *map(len, codes)])
            taken = csr_matrix((np.ones(offsets[-1], np.float32), np.concatenate(codes), offsets),
                               shape=(len(codes), len(self.items)))
            found = np.array(self.scorer.fold_in(taken), np.float32, order="C")
            lists[start:start + BLOCK], scores[start:start + BLOCK] = best(found, taken, k, start)
        return lists, scores

    def _lists(self, label: str, labels: Iterable[Any], lists: np.ndarray, scores: np.ndarray) -> pd.DataFrame:
        held = lists >= 0
        places = np.broadcast_to(np.arange(1, lists.shape[1] + 1), lists.shape)
        names = np.array(self.items, dtype=object)
        return pd.DataFrame({label: pd.Series(list(labels)).repeat(held.sum(axis=1)).to_numpy(), "place": places[held],
                             "item": names[lists[held]], "score": scores[held]})

    def _codes(self, ids: Iterable[Any], known: dict[str, int], what: str) -> np.ndarray:
        words = [_word(value) for value in ids]
        for row, word in enumerate(words):
            if word not in known:
                new = "; a new user's items go into the column 'items'" if what == "user" else ""
                raise InputError(f"column '{what}', row {row} (the first is 0): {word!r} is no {what} of the data that "
                                 f"the model was trained on{new}")
        return np.array([known[word] for word in words], np.int64)


def _word(value: Any) -> str:
    """An id as the raw file spells it: whole numbers that a frame has turned into floats are whole numbers again."""
    if isinstance(value, float | np.floating) and float(value).is_integer():
        value = int(value)
    return str(value)


def _listed(cell: Any, row: int) -> list[Any]:
    if isinstance(cell, str):
        return [word for word in cell.split(_SEPARATOR) if word]
    if not isinstance(cell, list | tuple | np.ndarray):
        raise InputError(f"column 'items', row {row} (the first is 0): expected a list of items, got {cell!r}")
    return list(cell)


def save_history(folder: Path, users: list[str], items: list[str], history: csr_matrix) -> None:
    """Writes what :func:`load` needs beside the model's own files."""
    with ArraysWriter(folder / HISTORY) as file:
        file.words("users", users)
        file.words("items", items)
        file.put("offsets", history.indptr.astype(np.int64))
        file.put("taken", history.indices.astype(np.int32))


def load(bundle: Path) -> Recommender:
    """The scoring function of a bundle folder; see :mod:`rankpipe.hub.bundle`.

    Raises:
        InputError: a file is missing or damaged.
    """
    with ArraysReader(Path(bundle) / HISTORY, "fetch the bundle again") as file:
        users, items = file.words("users"), file.words("items")
        offsets, taken = file.read("offsets"), file.read("taken")
    history = csr_matrix((np.ones(len(taken), np.float32), taken, offsets), shape=(len(users), len(items)))
    return Recommender(load_model(bundle, history), users, items, history)
