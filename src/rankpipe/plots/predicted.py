"""Predicted numbers against the actual ones, one panel a model."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.plots.style import GREY, INK, colours, picture

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class Panel:
    """One model, N rows."""

    model: str
    actual: np.ndarray
    predicted: np.ndarray
    bins: list[dict[str, float]]
    """``predicted`` and ``actual`` means of bins of equal numbers of rows, by rising prediction."""
    words: str


def predicted(path: str | Path, panels: list[Panel], low: float, high: float, subtitle: str) -> None:
    """For each actual rating the spread of its predictions (5–95 % thin, 25–75 % thick, the median a dot); the line
    runs through bins of equal numbers of rows. A calibrated model's line is the diagonal; a sharp one's dots lie near
    it too.
    """
    colour = colours(p.model for p in panels)
    columns = min(4, len(panels))
    lines = math.ceil(len(panels) / columns)
    with picture(path, max(2.45 * columns + 0.7, 8.2), 2.65 * lines + 1.1, "Predicted against actual ratings",
                 subtitle) as figure:
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for ax, panel in zip(axes.flat, panels, strict=False):
            ax.plot([low, high], [low, high], color=GREY, lw=0.8, ls=(0, (1, 2)))
            for value in range(math.ceil(low), math.floor(high) + 1):
                near = panel.predicted[np.abs(panel.actual - value) <= 0.5]
                if len(near):
                    a, b, middle, c, d = np.quantile(near, QUANTILES)
                    ax.hlines(value, a, d, color=colour[panel.model], lw=1.2, alpha=0.45)
                    ax.hlines(value, b, c, color=colour[panel.model], lw=5, alpha=0.35)
                    ax.plot(middle, value, "o", color=colour[panel.model], ms=3.6)
            ax.plot([b["predicted"] for b in panel.bins], [b["actual"] for b in panel.bins], color=INK, lw=1.1,
                    marker=".", ms=3.5)
            ax.set_title(f"{panel.model}  {panel.words}", color=colour[panel.model], fontsize=8.5)
            margin = 0.06 * (high - low)
            ax.set(xlim=(low - margin, high + margin), ylim=(low - margin, high + margin), aspect="equal")
        for ax in list(axes.flat)[len(panels):]:
            ax.set_visible(False)
        figure.supxlabel("predicted rating", fontsize=9)
        figure.supylabel("actual rating; line: mean of a bin of predictions", fontsize=9)

