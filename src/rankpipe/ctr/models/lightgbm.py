"""Gradient boosted trees (LightGBM, Ke et al., NeurIPS 2017): the baseline that neural nets must answer to.

Features are the encoded categorical columns and the numerics, among them the statistics of each sequence. Training rows
pass through a temporary float32 file, so that memory holds LightGBM's bins only: one byte a value, rows·(C + N) in all.
"""

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import lightgbm as lgb
import numpy as np

from rankpipe.ctr.inputs import Inputs
from rankpipe.data.ragged import Batch
from rankpipe.errors import InputError
from rankpipe.params import bounded

FILE = "model.txt"
Blocks = Callable[[], Iterator[Batch]]
Report = Callable[[int, dict[str, float]], None]


class LightGBM:
    @dataclass(frozen=True)
    class Params:
        rounds: int = bounded(500, low=1)
        learning_rate: float = bounded(0.05, above=0)
        num_leaves: int = bounded(31, low=2)
        min_data_in_leaf: int = bounded(20, low=1)
        feature_fraction: float = bounded(0.8, above=0, high=1)
        bagging_fraction: float = bounded(1.0, above=0, high=1)
        lambda_l2: float = bounded(1.0, low=0)
        max_bin: int = bounded(255, low=3)
        max_cat_threshold: int = bounded(32, low=1)
        """Most categories on one side of a split."""
        cat_smooth: float = bounded(10.0, low=0)
        metric: Literal["auc", "average_precision", "binary_logloss"] = "average_precision"
        """What early stopping watches on valid."""
        patience: int = bounded(50, low=1)
        """Rounds without a gain before boosting stops; the best round is kept."""

    neural = False

    def __init__(self, inputs: Inputs, params: Params):
        if not (inputs.categorical or inputs.numeric):
            raise InputError("params.yaml: ctr.schema: lightgbm needs a categorical or numeric column; name one, "
                             "turn on a sequence's statistics, or take the model out of ctr.models")
        self.inputs, self.params = inputs, params
        self.booster: lgb.Booster | None = None

    def fit(self, train_blocks: Blocks, valid_blocks: Blocks, seed: int, threads: int,
            report: Report | None = None) -> "LightGBM":
        """Boosts until valid stops gaining.

        Args:
            train_blocks, valid_blocks: functions that give labelled batches from the first row on, each called once.
            threads: part of the result, since histograms of two threads add up in another order.
            report: called with the round (from 1) and valid's ``auc``, ``average_precision`` and ``binary_logloss``.
        """
        p = self.params
        order = [p.metric, *(m for m in ("auc", "average_precision", "binary_logloss") if m != p.metric)]
        settings = {
            "objective": "binary", "metric": order, "learning_rate": p.learning_rate, "num_leaves": p.num_leaves,
            "min_data_in_leaf": p.min_data_in_leaf, "feature_fraction": p.feature_fraction, "lambda_l2": p.lambda_l2,
            "bagging_fraction": p.bagging_fraction, "bagging_freq": int(p.bagging_fraction < 1), "max_bin": p.max_bin,
            "max_cat_threshold": p.max_cat_threshold, "cat_smooth": p.cat_smooth, "seed": seed, "num_threads": threads,
            "deterministic": True, "force_row_wise": True, "verbosity": -1, "feature_pre_filter": False,
        }
        callbacks = [lgb.early_stopping(p.patience, first_metric_only=True, verbose=False)]
        if report is not None:
            callbacks.append(lambda env: report(env.iteration + 1, {r[1]: r[2] for r in env.evaluation_result_list}))
        with tempfile.TemporaryDirectory(prefix="rankpipe-") as folder:
            train = self._dataset(train_blocks, Path(folder) / "train", settings)
            valid = self._dataset(valid_blocks, Path(folder) / "valid", settings, train)
            self.booster = lgb.train(settings, train, p.rounds, valid_sets=[valid], valid_names=["valid"],
                                     callbacks=callbacks)
        return self

    def probabilities(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        if not len(batch):
            return np.zeros(0, np.float32)
        return self.booster.predict(_matrix(batch), num_iteration=self.booster.best_iteration).astype(np.float32)

    def save(self, folder: Path) -> None:
        """Writes the best rounds as LightGBM's text format, ``model.txt``."""
        # Written here, since LightGBM's own writer reports a full disk as a fault of no kind.
        text = self.booster.model_to_string(num_iteration=self.booster.best_iteration)
        (Path(folder) / FILE).write_text(text, encoding="utf-8")

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
        if model.booster.num_feature() != len(inputs.categorical) + len(inputs.numeric):
            raise InputError(f"{path}: has {model.booster.num_feature()} features where the inputs have "
                             f"{len(inputs.categorical) + len(inputs.numeric)}; train again")
        return model

    def _dataset(self, blocks: Blocks, path: Path, settings: dict, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        labels = []
        with path.open("wb") as file:
            for batch in blocks():
                file.write(_matrix(batch).tobytes())  # tofile would lose the reason when the disk is full
                labels.append(batch.labels.numpy())
        label = np.concatenate(labels) if labels else np.zeros(0, np.float32)
        if not len(label):
            raise InputError(f"lightgbm: {path.name} has no rows; nothing can be fitted")
        names = [f"c{i}" for i in range(len(self.inputs.categorical))]
        names += [f"n{i}" for i in range(len(self.inputs.numeric))]
        rows = _Rows(np.memmap(path, np.float32, "r", shape=(len(label), len(names))))
        dataset = lgb.Dataset(rows, label, reference=reference, feature_name=names, params=settings,
                              categorical_feature=names[:len(self.inputs.categorical)])
        return dataset.construct()


class _Rows(lgb.Sequence):
    """Rows of a file in the order LightGBM asks for them."""

    batch_size = 65536

    def __init__(self, values: np.ndarray):
        self.values = values

    def __getitem__(self, index: int | slice | list[int]) -> np.ndarray:
        return np.asarray(self.values[index], np.float64)

    def __len__(self) -> int:
        return len(self.values)


def _matrix(batch: Batch) -> np.ndarray:
    """(B, C + N) float32; indices up to 2²⁴ are exact."""
    return np.concatenate([batch.categorical.numpy().astype(np.float32), batch.numeric.numpy()], axis=1)
