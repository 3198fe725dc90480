"""Histograms of a cosine for similar and for different pairs, one panel a model."""

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from rankpipe.plots.style import GREY, INK, colours, picture


@dataclass(frozen=True)
class Panel:
    """One model. ``edges`` (B + 1,) of the bins; ``similar`` and ``different`` (B,) shares of these pairs in each."""

    model: str
    edges: np.ndarray
    similar: np.ndarray
    different: np.ndarray
    means: tuple[float, float]
    """Of similar and of different pairs."""
    words: str


def histograms(path: str | Path, panels: list[Panel], subtitle: str) -> None:
    """Similar pairs in the model's colour, different ones in grey; a tick under the axis marks either mean.

    A good model's two hills don't touch. How far apart their middles are says less: that also grows when both widen.
    """
    colour = colours(p.model for p in panels)
    columns = min(4, len(panels))
    lines = math.ceil(len(panels) / columns)
    held = [e for p in panels for e in p.edges[:-1][(p.similar + p.different) > 0].tolist()]
    low = min(held, default=-1.0)
    top = 1.12 * max((float(max(p.similar.max(), p.different.max())) for p in panels), default=1.0)
    with picture(path, max(2.3 * columns + 0.6, 8.2), 1.9 * lines + 1.3, "Cosine of similar and of different pairs",
                 subtitle) as figure:
        axes = figure.subplots(lines, columns, sharex=True, sharey=True, squeeze=False)
        for ax, panel in zip(axes.flat, panels, strict=False):
            ax.stairs(panel.different, panel.edges, fill=True, color=GREY, alpha=0.45)
            ax.stairs(panel.similar, panel.edges, fill=True, color=colour[panel.model], alpha=0.55)
            ax.stairs(panel.different, panel.edges, color=GREY, lw=1)
            ax.stairs(panel.similar, panel.edges, color=colour[panel.model], lw=1.2)
            for mean, shade in zip(panel.means, (colour[panel.model], INK), strict=True):
                if not math.isnan(mean):
                    ax.plot(mean, 0, "^", color=shade, ms=5, clip_on=False, zorder=5)
            ax.set_title(f"{panel.model}  {panel.words}", color=colour[panel.model], fontsize=8.5)
            ax.set(xlim=(low - 0.03, 1.03), ylim=(0, top))
        for ax in list(axes.flat)[len(panels):]:
            ax.set_visible(False)
        figure.supxlabel("cosine; coloured: similar pairs, grey: different ones, ▲ their means", fontsize=9)
        figure.supylabel("share of these pairs", fontsize=9)
