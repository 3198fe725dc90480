"""Click models through the pipeline's own stages on a public data set, several seeds each: for frappe.py and
movielens.py."""

import os
import shutil
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from benchmarks.measuring import Cells
from benchmarks.runs import SIZE, Runs
from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.comparison import difference
from rankpipe.metrics.ranking import Ranking, auc


@dataclass(frozen=True)
class Scored:
    """One trained model on one split, rows in the order of the raw file."""

    rows: np.ndarray
    labels: np.ndarray
    probabilities: np.ndarray

    @property
    def auc(self) -> float:
        return auc(self.labels, self.probabilities)


class Quality:
    """One table with its splits, and the models trained on it under ``folder``."""

    def __init__(self, folder: Path, frame: pd.DataFrame, split: np.ndarray, changes: dict[str, Any]):
        """Writes the raw data and runs the stages before training.

        Args:
            frame: all rows.
            split: (N,) train, valid or test.
            changes: schema, models and the rest, as :class:`Workspace` takes them.
        """
        shutil.rmtree(folder / "base", ignore_errors=True)
        raw = folder / "base" / "data" / "ctr"
        raw.mkdir(parents=True)
        frame.to_parquet(raw / "train.parquet", index=False)
        (raw / "split.txt").write_text("\n".join(split) + "\n")
        given = {
            "ctr.extract.split": "given",
            "ctr.extract.given": "data/ctr/split.txt",
            "ctr.extract.sizes": {SIZE: {"rows": None, "valid": 0.1, "test": 0.1}},
        }
        self.runs = Runs(folder, "ctr", {**given, **changes})
        self.runs.prepare()

    def train(self, models: Iterable[str], seeds: Iterable[int], cells: Cells, label: str) -> None:
        """Trains each model with each seed unless ``cells`` knows it; ``label`` tells runs apart.

        As many train at a time as there are cores, one thread each.
        """
        jobs = [(model, seed) for model in models for seed in seeds]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            waiting = []
            for i, (model, seed) in enumerate(jobs):
                key = f"{label}, {model}, seed {seed}"
                if not self.runs.scores(model, seed, model, "test").exists():
                    cells.values.pop(key, None)
                waiting.append(pool.submit(cells.get, key, lambda m=model, s=seed, core=i: self._one(m, s, core)))
            for one in waiting:
                one.result()

    def _one(self, model: str, seed: int, core: int) -> dict[str, Any]:
        self.runs.open(model, seed)
        measured = self.runs.stage(model, seed, "train", model, core=core % os.cpu_count())
        return {
            "seconds": measured.seconds,
            "valid": self.scored(model, seed, "valid").auc,
            "test": self.scored(model, seed, "test").auc,
        }

    def scored(self, model: str, seed: int, split: str) -> Scored:
        """What the train stage left for ``split``."""
        table = pq.read_table(self.runs.scores(model, seed, model, split)).sort_by("row")
        return Scored(*(table[name].to_numpy() for name in ("row", "label", "probability")))


def mean_and_deviation(values: list[float]) -> tuple[float, float | None]:
    """Mean and sample standard deviation over seeds; one seed has none."""
    return float(np.mean(values)), float(np.std(values, ddof=1)) if len(values) > 1 else None


def compare(first: list[Scored], second: list[Scored], units: np.ndarray, resamples: int = 1000) -> dict[str, Any]:
    """Test AUC of one model beside that of another, each the mean over its seeds, with whole units (users) resampled.

    Args:
        units: (rows of the raw file,) integer code of each row's user.

    Returns:
        The difference with its paired interval and p, and the interval of each of the two.
    """
    models = [*first, *second]
    rows = models[0].rows
    if not all(np.array_equal(one.rows, rows) for one in models):
        raise ValueError("the models were scored on different rows")
    areas = [Ranking(one.labels == 1, one.probabilities) for one in models]
    drawn = resample([lambda w, a=a: a.of(w)[:, 0] for a in areas], Resamples(len(rows), resamples, 7, units[rows]))
    a, b = drawn[:, : len(first)].mean(1), drawn[:, len(first) :].mean(1)
    found = difference(float(np.mean([m.auc for m in first])), float(np.mean([m.auc for m in second])), a, b)
    intervals = {name: [float(end) for end in interval(values)] for name, values in (("first", a), ("second", b))}
    return {"difference": found.estimate, "low": found.low, "high": found.high, "p": found.p, "intervals": intervals}
