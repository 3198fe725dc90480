"""What the leaderboard doesn't show: every run by itself, what each link gave, and the genres of the pairs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from rankpipe.embedding.scores import Cosines, Scores
from rankpipe.judgement import Judgement
from rankpipe.metrics.bootstrap import Resamples, interval, resample
from rankpipe.metrics.similarity import Cuts, Runs, Similarity
from rankpipe.params import bounded

GAINS = ("model", "start_from", "gain", "low", "high", "p", "p_holm", "runs", "gain_sd", "worst_run")
SLICED = ("column", "value", "rows", "mean", "model", "spearman", "spearman_low", "spearman_high", "gap")


@dataclass(frozen=True)
class Slices:
    """The block ``embedding.evaluate.slices`` of params.yaml."""

    min_rows: int = bounded(20, low=3)
    """A genre with fewer pairs shows how many, but no metric."""
    resamples: int = bounded(200, low=20)


def each_run(valid: Scores, test: Scores, cuts: Cuts) -> list[dict[str, Any]]:
    """One record a run: model, seed, and every metric on valid (``valid_…``) and on test."""
    return [{"model": model, "seed": seed,
             **{f"valid_{k}": v for k, v in Similarity(valid.labels, valid.cosines[model][seed], cuts).estimate(
                ).items()}, **Similarity(test.labels, cosine, cuts).estimate()}
            for model, runs in test.cosines.items() for seed, cosine in runs.items()]


def gains(judgement: Judgement, order: str, starts: Mapping[str, str], test: Scores, cuts: Cuts,
          ) -> list[dict[str, Any]]:
    """One record for each link that was judged together with the model it started from: the difference in ``order``,
    paired over the same resamples of pairs, and over the runs, each less the run that it started from.

    Args:
        starts: model → the model that it started from.
    """
    found = []
    for model, start in starts.items():
        record = next((r for r in judgement.pairs if r["metric"] == order
                       and {r["model_a"], r["model_b"]} == {model, start}), None)
        if record is None:
            continue
        turn = 1 if record["model_a"] == model else -1
        low, high = sorted((turn * record["low"], turn * record["high"]))
        apart = _apart(test.labels, test.cosines[model], test.cosines[start], order, cuts)
        found.append({"model": model, "start_from": start, "gain": turn * record["difference"], "low": low,
                      "high": high, "p": record["p"], "p_holm": record["p_holm"], "runs": len(apart),
                      "gain_sd": float(np.std(apart, ddof=1)) if len(apart) > 1 else None,
                      "worst_run": min(apart)})
    return found


def _apart(labels: np.ndarray, runs: Cosines, before: Cosines, order: str, cuts: Cuts) -> list[float]:
    """Run k less the run k that it started from; less the only one where there was but one."""
    one = next(iter(before.values()))
    values = [[Similarity(labels, cosine, cuts).estimate()[order] for cosine in (mine, before.get(seed, one))]
              for seed, mine in runs.items()]
    return [after - start for after, start in values]


def by_genre(settings: Slices, test: Scores, models: list[str], cuts: Cuts, resamples: Resamples, level: float,
             done: Callable[[int], object] | None = None) -> list[dict[str, Any]]:
    """One record for each genre and model, see :data:`SLICED`; none where the pairs are all of one.

    Args:
        resamples: of the whole split, so that genres share its draws.
    """
    labels, genres = test.labels, np.array(test.pairs.genre)
    names = sorted(set(test.pairs.genre))
    if len(names) < 2:
        return []
    parts = {name: np.flatnonzero(genres == name) for name in names}
    large = [name for name in names if len(parts[name]) >= settings.min_rows]
    statistics = [_Part(parts[name], Runs(labels[parts[name]], [cosine[parts[name]] for cosine in
                                                                test.cosines[model].values()], cuts))
                  for name in large for model in models]
    low, high = interval(resample(statistics, resamples, done), level) if statistics else (np.zeros(0), np.zeros(0))
    judged = {(name, model): (statistic.runs.estimate(), a, b) for (name, model), statistic, a, b in zip(
        ((name, model) for name in large for model in models), statistics, low, high, strict=True)}
    records = []
    for name in names:
        for model in models:
            own, a, b = judged.get((name, model), ({}, np.nan, np.nan))
            records.append({"column": "genre", "value": name or "(none)", "rows": len(parts[name]),
                            "mean": float(labels[parts[name]].mean()), "model": model,
                            "spearman": _known(own.get("spearman")), "spearman_low": _known(a),
                            "spearman_high": _known(b), "gap": _known(own.get("gap"))})
    return records


class _Part:
    """Spearman within some pairs, from weights of the whole split."""

    def __init__(self, rows: np.ndarray, runs: Runs):
        self.rows, self.runs = rows, runs

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """(R, N) → (R,)."""
        return self.runs(np.take(weights, self.rows, axis=1))[:, 0]


def _known(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else float(value)
