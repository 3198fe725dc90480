"""Gradient boosted trees (LightGBM, Ke et al., NeurIPS 2017) on the profile blocks and on train's own statistics.

Training rows pass through a temporary float32 file, so that memory holds LightGBM's bins only: one byte a value.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import lightgbm as lgb
import numpy as np

from rankpipe.errors import InputError
from rankpipe.params import bounded
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models.blocks import blocks
from rankpipe.rating.models.rows import Report, Rows
from rankpipe.rating.models.statistics import NAMES, Statistics

FILE = "model.txt"


class LightGBM:
    @dataclass(frozen=True)
    class Params:
        rounds: int = bounded(500, low=1)
        learning_rate: float = bounded(0.05, above=0)
        num_leaves: int = bounded(15, low=2)
        min_data_in_leaf: int = bounded(20, low=1)
        feature_fraction: float = bounded(0.5, above=0, high=1)
        lambda_l2: float = bounded(1.0, low=0)
        max_bin: int = bounded(255, low=3)
        patience: int = bounded(50, low=1)
        """Rounds without a gain on valid before boosting stops; the best round is kept."""
        bias_l2: float = bounded(5.0, above=0)
        """By how many rows the deviations of user and item are shrunk."""
        blocks: tuple[str, ...] | None = None
        """Profile blocks by name; null takes all."""

    neural = False

    def __init__(self, inputs: Inputs, params: Params):
        self.inputs, self.params = inputs, params
        self.blocks = blocks(inputs, params.blocks, "lightgbm")
        self.reads = self.blocks.names
        self.statistics = Statistics(inputs, params.bias_l2)
        self.booster: lgb.Booster | None = None

    def fit(self, train: Rows, valid: Rows, seed: int, threads: int, report: Report | None = None) -> "LightGBM":
        """Boosts until valid stops gaining.

        Args:
            threads: part of the result, since histograms of two threads add up in another order.
        """
        p = self.params
        settings = {
            "objective": "regression", "metric": "rmse", "learning_rate": p.learning_rate, "num_leaves": p.num_leaves,
            "min_data_in_leaf": p.min_data_in_leaf, "feature_fraction": p.feature_fraction, "lambda_l2": p.lambda_l2,
            "max_bin": p.max_bin, "seed": seed, "num_threads": threads, "deterministic": True, "force_row_wise": True,
            "verbosity": -1, "feature_pre_filter": False,
        }
        callbacks = [lgb.early_stopping(p.patience, verbose=False)]
        if report is not None:
            callbacks.append(lambda env: report(env.iteration + 1, {r[1]: r[2] for r in env.evaluation_result_list}))
        self.statistics.fit(train)
        with tempfile.TemporaryDirectory(prefix="rankpipe-") as folder:
            first = self._dataset(train, Path(folder) / "train", settings)
            second = self._dataset(valid, Path(folder) / "valid", settings, first)
            self.booster = lgb.train(settings, first, p.rounds, valid_sets=[second], valid_names=["valid"],
                                     callbacks=callbacks)
        return self

    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        if not len(batch):
            return np.zeros(0, np.float32)
        found = self.booster.predict(self._matrix(batch), num_iteration=self.booster.best_iteration, num_threads=1)
        return np.clip(found, self.inputs.low, self.inputs.high).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Writes the best rounds as LightGBM's text format, ``model.txt``, and the statistics."""
        # Written here, since LightGBM's own writer reports a full disk as a fault of no kind.
        text = self.booster.model_to_string(num_iteration=self.booster.best_iteration)
        (Path(folder) / FILE).write_text(text, encoding="utf-8")
        self.statistics.save(folder)

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> "LightGBM":
        """Reads what :meth:`save` wrote.

        Raises:
            InputError: missing, unreadable, or of another number of features.
        """
        model, path = cls(inputs, params), Path(folder) / FILE
        if not path.is_file():
            raise InputError(f"{path}: not found; train lightgbm first")
        try:
            model.booster = lgb.Booster(model_file=path)
        except lgb.basic.LightGBMError as error:
            raise InputError(f"{path}: not a LightGBM model: {error}") from error
        if model.booster.num_feature() != model.width:
            raise InputError(f"{path}: has {model.booster.num_feature()} features where the inputs have "
                             f"{model.width}; train again")
        model.statistics.load(folder)
        return model

    @property
    def width(self) -> int:
        return len(NAMES) + self.blocks.width

    def _matrix(self, batch: Batch, own: bool = False) -> np.ndarray:
        known = self.statistics(batch.users.numpy(), batch.items.numpy(), batch.ratings.numpy() if own else None)
        return np.concatenate([known, self.blocks(batch).numpy()], axis=1)

    def _dataset(self, split: Rows, path: Path, settings: dict, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        with path.open("wb") as file:
            for batch in split.batches():
                # tofile would lose the reason when the disk is full
                file.write(self._matrix(batch, own=reference is None).tobytes())
        names = [*NAMES, *(f"c{i}" for i in range(self.blocks.width))]
        rows = _Rows(np.memmap(path, np.float32, "r", shape=(len(split), self.width)))
        return lgb.Dataset(rows, split.ratings, reference=reference, feature_name=names, params=settings).construct()


class _Rows(lgb.Sequence):
    """Rows of a file in the order LightGBM asks for them."""

    batch_size = 65536

    def __init__(self, values: np.ndarray):
        self.values = values

    def __getitem__(self, index: int | slice | list[int]) -> np.ndarray:
        return np.asarray(self.values[index], np.float64)

    def __len__(self) -> int:
        return len(self.values)
