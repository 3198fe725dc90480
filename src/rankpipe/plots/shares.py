"""How a whole is divided, one stacked bar a line."""

from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np

from rankpipe.plots.style import INK, colours, picture


@dataclass(frozen=True)
class Line:
    """``shares`` sum to 1; ``words`` stand at the right; a ``reference`` is no model and stands above them."""

    name: str
    shares: np.ndarray
    words: str = ""
    reference: bool = False


def shares(path: str | Path, lines: list[Line], parts: list[str], title: str, subtitle: str, label: str,
           head: str = "") -> None:
    """References first, then models, best first. ``parts`` name the pieces from left to right, ``head`` the words."""
    colour = colours(line.name for line in lines if not line.reference)
    shade = matplotlib.colormaps["YlGnBu"](np.linspace(0.85, 0.12, len(parts)))
    gap = 0.35
    place = [i + gap * (not line.reference) for i, line in enumerate(lines)]
    with picture(path, 8.4, 0.36 * len(lines) + 2.1, title, subtitle) as figure:
        ax = figure.add_subplot()
        for line, y in zip(lines, place, strict=True):
            left = np.cumsum([0.0, *line.shares[:-1]])
            ax.barh(y, line.shares, left=left, height=0.74, color=shade, edgecolor="white", lw=0.8)
            for start, share, back in zip(left, line.shares, shade, strict=True):
                if share >= 0.045:
                    ax.text(start + share / 2, y, f"{share:.0%}", ha="center", va="center", fontsize=7.5,
                            color="white" if back[:3].sum() < 1.6 else INK)
            ax.text(1.015, y, line.words, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5,
                    family="DejaVu Sans Mono", color=INK)
        ax.text(1.015, place[0] - 0.75, head, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5,
                family="DejaVu Sans Mono", color="#555555")
        ax.set_yticks(place, [line.name for line in lines])
        for tick, line in zip(ax.get_yticklabels(), lines, strict=True):
            tick.set(color="#555555" if line.reference else colour[line.name], fontsize=9.5,
                     fontstyle="italic" if line.reference else "normal")
        ax.set(xlim=(0, 1), ylim=(place[-1] + 0.5, place[0] - 1.1), xlabel=label)
        ax.xaxis.set_major_formatter(matplotlib.ticker.PercentFormatter(1, 0))
        ax.tick_params(axis="y", length=0)
        ax.grid(visible=False)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        patches = [matplotlib.patches.Patch(color=c, label=part) for c, part in zip(shade, parts, strict=True)]
        figure.legend(handles=patches, loc="outside lower center", ncols=min(5, len(parts)), frameon=False, fontsize=8,
                      handlelength=1.2)
