"""What train's ratings say of a user and an item: numbers that ridge and trees read beside the profiles."""

from pathlib import Path

import numpy as np

from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.rating.inputs import Inputs
from rankpipe.rating.models.rows import Rows

FILE = "statistics.safetensors"
NAMES = ("item_deviation", "user_deviation", "item_ratings", "user_ratings")


class Statistics:
    """Shrunk mean deviations, and how many ratings stand behind them.

    The deviation of an item is Σ(r − μ)/(n + λ) over its ratings, that of a user Σ(r − μ − d_item)/(n + λ). A row of
    train takes its own rating out of both: a model would otherwise learn to read the answer off them, and the
    deviation of a user rated once is nothing but that answer.
    """

    def __init__(self, inputs: Inputs, l2: float):
        self.inputs, self.l2 = inputs, l2

    def fit(self, train: Rows) -> "Statistics":
        rest = train.ratings - np.float64(self.inputs.mean)
        n_users, n_items = self.inputs.n_users + 1, self.inputs.n_items + 1
        self.item_sums = np.bincount(train.items, rest, n_items)
        self.item_counts = np.bincount(train.items, minlength=n_items)
        left = rest - (self.item_sums / (self.item_counts + self.l2))[train.items]
        self.user_sums = np.bincount(train.users, left, n_users)
        self.user_counts = np.bincount(train.users, minlength=n_users)
        return self

    def __call__(self, users: np.ndarray, items: np.ndarray, own: np.ndarray | None = None) -> np.ndarray:
        """(n, 4) float32 in the order of ``NAMES``; the counts as log(1 + n).

        Args:
            users, items: (n,) codes.
            own: (n,) ratings of these rows where they are rows of train, to be taken out.
        """
        item_sums, item_counts = self.item_sums[items], self.item_counts[items]
        user_sums, user_counts = self.user_sums[users], self.user_counts[users]
        if own is not None:
            rest = own - np.float64(self.inputs.mean)
            left = rest - item_sums / (item_counts + self.l2)
            item_sums, item_counts, user_sums, user_counts = (
                item_sums - rest, item_counts - 1, user_sums - left, user_counts - 1)
        return np.stack([item_sums / (item_counts + self.l2), user_sums / (user_counts + self.l2),
                         np.log1p(item_counts), np.log1p(user_counts)], axis=1).astype(np.float32)

    def save(self, folder: Path) -> None:
        save_tensors(Path(folder) / FILE, {name: getattr(self, name) for name in
                                           ("item_sums", "item_counts", "user_sums", "user_counts")})

    def load(self, folder: Path) -> "Statistics":
        """Raises InputError where the file is missing or damaged."""
        for name, tensor in load_tensors(Path(folder) / FILE).items():
            setattr(self, name, tensor.numpy())
        return self
