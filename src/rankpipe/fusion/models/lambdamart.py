"""LambdaMART (Burges, MSR-TR-2010-82), LightGBM's lambdarank (Ke et al., NeurIPS 2017), on named features.

The call is LightGBM's own with the same rows in the same order: its predictions are equal to the bit. LightGBM holds
one byte a value beside the features.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import lightgbm as lgb
import numpy as np

from rankpipe.errors import InputError
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.inputs import Batch, Inputs
from rankpipe.fusion.models.column import Report
from rankpipe.fusion.models.scaling import chosen
from rankpipe.fusion.objective import Learning
from rankpipe.params import bounded

FILE = "model.txt"
METRIC = "ndcg_at_10"


class LambdaMART:
    @dataclass(frozen=True)
    class Params(Learning):
        rounds: int = bounded(500, low=1)
        learning_rate: float = bounded(0.05, above=0)
        num_leaves: int = bounded(15, low=2)
        min_data_in_leaf: int = bounded(20, low=1)
        feature_fraction: float = bounded(1.0, above=0, high=1)
        lambda_l2: float = bounded(0.0, low=0)
        max_bin: int = bounded(255, low=3)
        truncation: int = bounded(30, low=1)
        """Pairs count of which one stands among so many first places."""
        patience: int = bounded(50, low=1)
        """Rounds without a gain in nDCG@10 on valid before boosting stops; the best round is kept."""
        features: tuple[str, ...] | None = None
        """By name; null takes all."""

    neural = False

    def __init__(self, inputs: Inputs, params: Params):
        self.inputs, self.params = inputs, params
        self.at = chosen(inputs, params.features, "lambdamart")
        self.booster: lgb.Booster | None = None

    def settings(self, seed: int, threads: int) -> dict:
        """What LightGBM is called with."""
        p = self.params
        return {"objective": "lambdarank", "metric": "ndcg", "eval_at": [10], "learning_rate": p.learning_rate,
                "num_leaves": p.num_leaves, "min_data_in_leaf": p.min_data_in_leaf,
                "feature_fraction": p.feature_fraction, "lambda_l2": p.lambda_l2, "max_bin": p.max_bin,
                "lambdarank_truncation_level": p.truncation, "seed": seed, "num_threads": threads,
                "deterministic": True, "force_row_wise": True, "verbosity": -1}

    def fit(self, train: Examples, valid: Examples | None, seed: int, threads: int, report: Report | None = None,
            ) -> Self:
        """Boosts until valid stops gaining; without valid, for all rounds.

        Args:
            threads: part of the result, since histograms of two threads add up in another order.
        """
        settings, callbacks, judged = self.settings(seed, threads), [], []
        first = self._dataset(train, settings)
        if valid is not None:
            callbacks.append(lgb.early_stopping(self.params.patience, verbose=False))
            judged = [self._dataset(valid, settings, first)]
            if report is not None:
                callbacks.append(lambda env: report(env.iteration + 1, {METRIC: env.evaluation_result_list[0][2]}))
        self.booster = lgb.train(settings, first, self.params.rounds, valid_sets=judged, callbacks=callbacks)
        return self

    def scores(self, batch: Batch) -> np.ndarray:
        """(m,) float32."""
        if not len(batch.features):
            return np.zeros(0, np.float32)
        found = self.booster.predict(self._columns(batch.features.cpu().numpy()),
                                     num_iteration=self.booster.best_iteration or None, num_threads=1)
        return found.astype(np.float32)

    def save(self, folder: Path) -> None:
        """Writes the best rounds as LightGBM's text format, ``model.txt``."""
        # Written here, since LightGBM's own writer reports a full disk as a fault of no kind.
        text = self.booster.model_to_string(num_iteration=self.booster.best_iteration or None)
        (Path(folder) / FILE).write_text(text, encoding="utf-8")

    @classmethod
    def load(cls, folder: Path, inputs: Inputs, params: Params) -> Self:
        """Reads what :meth:`save` wrote.

        Raises:
            InputError: missing, unreadable, or of another number of features.
        """
        model, path = cls(inputs, params), Path(folder) / FILE
        if not path.is_file():
            raise InputError(f"{path}: not found; train lambdamart first")
        try:
            model.booster = lgb.Booster(model_file=path)
        except lgb.basic.LightGBMError as error:
            raise InputError(f"{path}: not a LightGBM model: {error}") from error
        if model.booster.num_feature() != len(model.at):
            raise InputError(f"{path}: has {model.booster.num_feature()} features where the inputs have "
                             f"{len(model.at)}; train again")
        return model

    def _columns(self, features: np.ndarray) -> np.ndarray:
        whole = self.at == list(range(features.shape[1]))
        return features if whole else np.ascontiguousarray(features[:, self.at])

    def _dataset(self, of: Examples, settings: dict, reference: lgb.Dataset | None = None) -> lgb.Dataset:
        return lgb.Dataset(self._columns(of.features), of.slates.grades, group=of.slates.lengths, reference=reference,
                           params=settings)
