"""What modalities are worth to a model that reads them: its scores with parts of the input taken away, judged."""

from dataclasses import dataclass

import numpy as np

from rankpipe.fusion.inputs import MODALITIES
from rankpipe.fusion.judging import NAMES, Asked
from rankpipe.fusion.scores import ABLATIONS
from rankpipe.leaderboard import Figure
from rankpipe.metrics.bootstrap import Resamples, interval, resample


@dataclass(frozen=True)
class Parts:
    """Of one model, in one metric; drops are paired, on the same resamples of queries."""

    whole: Figure
    after: dict[tuple[str, str], tuple[Figure, Figure]]
    """(change, modality) → the metric after it, and the drop from the whole."""
    attention: dict[str, Figure]
    """Modality → mean weight over the candidates that have any modality; empty where none has."""

    def records(self) -> list[dict[str, object]]:
        """For ablation.csv."""
        rows = [("none", "", self.whole, Figure(0.0, 0.0, 0.0)),
                *((*key, value, drop) for key, (value, drop) in self.after.items())]
        return [{"change": change, "modality": modality, "value": value.value, "low": value.low, "high": value.high,
                 "drop": drop.value, "drop_low": drop.low, "drop_high": drop.high}
                for change, modality, value, drop in rows]


def parts(asked: Asked, scores: np.ndarray, ablated: dict[str, np.ndarray], order: str, resamples: Resamples,
          level: float) -> Parts:
    """Judges the columns of :func:`rankpipe.fusion.scores.ablation` against ``scores`` (m,) on the whole input."""
    k = NAMES.index(order)
    keys = [(change, name) for change in ABLATIONS for name in MODALITIES]
    values = np.stack([asked.values(scores)[:, k], *(asked.values(ablated[f"{a}_{b}"])[:, k] for a, b in keys)], 1)
    weights = np.stack([ablated[f"attention_{name}"] for name in MODALITIES], 1)
    there = ~np.isnan(weights).any(1)
    starts = asked.slates.offsets[:-1]
    sums = np.add.reduceat(np.where(there[:, None], weights, 0.0), starts)
    counts = np.add.reduceat(there.astype(np.float64), starts)

    def of(drawn: np.ndarray) -> np.ndarray:
        times = drawn.astype(np.float64)
        held = times @ counts
        with np.errstate(invalid="ignore"):
            looked = (times @ sums) / held[:, None]
        return np.concatenate([(times @ values) / times.sum(1, keepdims=True), looked], 1)

    whole = of(np.ones((1, len(values)), np.uint8))[0]
    drawn = resample([of], resamples)[:, 0]
    n = values.shape[1]
    low, high = interval(drawn, level)
    fell = interval(drawn[:, :1] - drawn[:, 1:n], level)
    figures = [_figure(*three) for three in zip(whole, low, high, strict=True)]
    drops = [_figure(*three) for three in zip(whole[0] - whole[1:n], *fell, strict=True)]
    return Parts(figures[0], dict(zip(keys, zip(figures[1:n], drops, strict=True), strict=True)),
                 dict(zip(MODALITIES, figures[n:], strict=True)) if there.any() else {})


def _figure(value: float, low: float, high: float) -> Figure:
    return Figure(*(None if np.isnan(v) else round(float(v), 6) for v in (value, low, high)))
