"""ROC and precision–recall curves of all models in one picture, best first."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.plots.style import GREY, colours, key, picture


@dataclass(frozen=True)
class Curve:
    """One model's line and the words that stand for it in the key."""

    model: str
    x: np.ndarray
    y: np.ndarray
    figure: str
    """Such as ``.7812 [.7701, .7923]``."""
    baseline: bool = False


def roc(path: str | Path, curves: list[Curve], subtitle: str, metric: str) -> None:
    """Curves in order of merit; the first is drawn strongest, baselines are dashed."""
    with picture(path, 6.5, 6.9, "ROC: clicks found against false alarms", subtitle) as figure:
        ax = figure.add_subplot()
        ax.plot([0, 1], [0, 1], color=GREY, lw=0.8, ls=(0, (1, 2)))
        ax.text(0.175, 0.195, "chance", color=GREY, fontsize=8, rotation=45, rotation_mode="anchor")
        _draw(ax, curves)
        key(ax, _words(curves, metric), 0.455, 0.03 + 0.045 * (len(curves) + 1), 0.045)
        ax.set(xlim=(0, 1), ylim=(0, 1.005), xlabel="false positive rate", ylabel="true positive rate", aspect="equal")


def precision_recall(path: str | Path, curves: list[Curve], subtitle: str, metric: str, rate: float) -> None:
    """As :func:`roc`; the dotted line is the click rate, the precision of guessing."""
    with picture(path, 7.2, 6.0, "Precision–recall: how many of the rows picked are clicks", subtitle) as figure:
        ax = figure.add_subplot()
        ax.axhline(rate, color=GREY, lw=0.8, ls=(0, (1, 2)))
        ax.text(0.005, rate, f"guessing {rate:.3f}", color=GREY, fontsize=8, va="bottom")
        _draw(ax, curves)
        # The first few rows of a curve jump between 0 and 1: the axis is set by what lies beyond them.
        top = max((float(c.y[c.x >= 0.02].max()) for c in curves if (c.x >= 0.02).any()), default=1.0)
        ax.set(xlim=(0, 1), ylim=(0, min(1.02, 1.25 * top)), xlabel="recall", ylabel="precision")
        key(ax, _words(curves, metric), 0.50, 0.98, 0.05)


def _draw(ax, curves: list[Curve]) -> None:
    colour = colours(c.model for c in curves)
    for rank, curve in reversed(list(enumerate(curves))):
        ax.plot(curve.x, curve.y, color=colour[curve.model], lw=2.4 if rank == 0 else 1.2,
                ls=(0, (4, 2)) if curve.baseline else "-", alpha=1 if rank == 0 else 0.9)


def _words(curves: list[Curve], metric: str) -> list[tuple[str, str, bool]]:
    colour = colours(c.model for c in curves)
    width = max(len(c.model) for c in curves)
    lines = [(f"{'':3}{'':{width}}  {metric}", GREY, False)]
    return lines + [(f"{'┄┄' if c.baseline else '━━'} {c.model:{width}}  {c.figure}", colour[c.model], rank == 0)
                    for rank, c in enumerate(curves)]
