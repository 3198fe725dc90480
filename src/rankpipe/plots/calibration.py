"""Predicted against observed rates, one small panel a model."""

import math
from pathlib import Path

import numpy as np

from rankpipe.plots.style import GREY, colours, picture


def calibration(path: str | Path, panels: dict[str, tuple[list[dict[str, float]], str]], subtitle: str) -> None:
    """Model → (bins as :func:`rankpipe.metrics.calibration.reliability` gives them, words for the panel's title).

    Bars are 95 % Wilson intervals of the observed rate. Axes are logarithmic: click rates differ by factors.
    """
    colour = colours(panels)
    columns = min(5, len(panels))
    lines = math.ceil(len(panels) / columns)
    points = [v for bins, _ in panels.values() for b in bins for v in (b["predicted"], *_wilson(b)) if v > 0]
    low, high = max(min(points) * 0.8, 1e-5), min(max(points) * 1.25, 1.0)
    title = "Calibration: does a predicted rate come true?"
    with picture(path, max(2.25 * columns + 0.7, 8.2), 2.4 * lines + 1.1, title, subtitle) as figure:
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for ax, (model, (bins, words)) in zip(axes.flat, panels.items(), strict=False):
            ax.plot([low, high], [low, high], color=GREY, lw=0.8, ls=(0, (1, 2)))
            x = [b["predicted"] for b in bins]
            y = [b["observed"] for b in bins]
            bars = np.array([_wilson(b) for b in bins]).T
            ax.vlines(x, np.maximum(bars[0], low), bars[1], color=colour[model], lw=1, alpha=0.55)
            seen = [(a, b) for a, b in zip(x, y, strict=True) if b > 0]
            ax.plot(*zip(*seen, strict=True), color=colour[model], lw=1.2, marker="o", ms=3.2)
            ax.set_title(f"{model}  {words}", color=colour[model], fontsize=8.5)
            ax.set(xscale="log", yscale="log", xlim=(low, high), ylim=(low, high), aspect="equal")
            ax.minorticks_off()
        for ax in list(axes.flat)[len(panels):]:
            ax.set_visible(False)
        figure.supxlabel("mean predicted probability of the bin", fontsize=9)
        figure.supylabel("observed rate of the bin", fontsize=9)


def _wilson(b: dict[str, float], z: float = 1.959964) -> tuple[float, float]:
    """95 % interval of a rate (Wilson 1927), honest also where a bin holds no click."""
    n, rate = b["rows"], b["observed"]
    centre, spread = rate + z * z / (2 * n), z * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    return max(0.0, (centre - spread) / (1 + z * z / n)), (centre + spread) / (1 + z * z / n)
