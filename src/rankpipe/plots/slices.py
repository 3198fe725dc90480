"""A metric by slice and model as a heat map."""

from pathlib import Path
from typing import Literal

import matplotlib
import numpy as np
from matplotlib.patches import Rectangle

from rankpipe.plots.style import GREY, INK, picture


def heat_map(path: str | Path, values: np.ndarray, slices: list[tuple[str, str, str]], models: list[str], title: str,
             subtitle: str, better: Literal["higher", "lower"] = "higher") -> None:
    """values (S, M), NaN where too few rows; slices are (column, value, words about its rows), grouped by column.

    The best model of each slice stands in bold. Shades run from pale (low) to deep blue (high).
    """
    held = values[np.isfinite(values)]
    low, high = np.quantile(held, [0.05, 0.95]) if len(held) else (0.0, 1.0)
    groups = [s[0] for s in slices]
    breaks = [i for i in range(1, len(groups)) if groups[i] != groups[i - 1]]
    place = np.arange(len(slices)) + 0.6 * np.searchsorted(breaks, np.arange(len(slices)), side="right")
    shades = matplotlib.colormaps["YlGnBu"]
    with picture(path, max(3.6 + 0.72 * len(models), 6.8), 1.5 + 0.235 * (place[-1] + 1), title, subtitle) as figure:
        ax = figure.add_subplot()
        for row, y in zip(values, place, strict=True):
            pick = np.nanargmax if better == "higher" else np.nanargmin
            best = pick(row) if np.isfinite(row).any() else -1
            for column, value in enumerate(row):
                known = np.isfinite(value)
                depth = float(np.clip((value - low) / ((high - low) or 1), 0, 1)) if known else 0.0
                ax.add_patch(Rectangle((column - 0.48, y - 0.46), 0.96, 0.92, lw=0,
                                       fc=shades(0.05 + 0.8 * depth) if known else "#F4F4F4"))
                ax.text(column, y, f"{value:.3f}".removeprefix("0") if known else "–", ha="center", va="center",
                        fontsize=7.5, color=GREY if not known else "white" if depth > 0.6 else INK,
                        fontweight="bold" if column == best else "normal")
        ax.set_xticks(range(len(models)), models)
        ax.set_yticks(place, [value for _, value, _ in slices], fontsize=8)
        ax.xaxis.tick_top()
        ax.tick_params(length=0)
        for y, (_, _, words) in zip(place, slices, strict=True):
            ax.text(len(models) - 0.35, y, words, va="center", fontsize=7.5, color="#555555", clip_on=False)
        for i in [0, *breaks]:
            ax.text(-0.02, place[i] - 0.78, groups[i], transform=ax.get_yaxis_transform(), ha="right", va="center",
                    fontsize=8, fontweight="bold", clip_on=False)
        ax.set(xlim=(-0.6, len(models) - 0.4), ylim=(place[-1] + 0.7, -1.1))
        ax.grid(visible=False)
        for spine in ax.spines.values():
            spine.set_visible(False)
