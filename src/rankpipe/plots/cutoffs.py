"""Recall at every cutoff k, one line a model."""

from pathlib import Path

import numpy as np

from rankpipe.plots.style import GREY, colours, picture, spread

TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000)


def cutoffs(path: str | Path, lines: dict[str, np.ndarray], baselines: tuple[str, ...], mark: int, subtitle: str,
            label: str) -> None:
    """Model → (K,) value at k = 1 … K, best model first; baselines are dashed, and ``mark`` is the cutoff that counts.

    The axis of k is logarithmic: the first places matter most.
    """
    colour = colours(lines)
    top = max(float(y.max()) for y in lines.values()) or 1.0
    with picture(path, 7.6, 5.4, "Recall at k: how deep the hits lie", subtitle) as figure:
        ax = figure.add_subplot()
        ax.axvline(mark, color=GREY, lw=0.8, ls=(0, (1, 2)))
        ax.text(mark, 1.0, f" k = {mark}", transform=ax.get_xaxis_transform(), color=GREY, fontsize=8, va="top")
        for rank, (model, y) in reversed(list(enumerate(lines.items()))):
            ax.plot(np.arange(1, len(y) + 1), y, color=colour[model], lw=2.4 if rank == 0 else 1.4,
                    ls=(0, (4, 2)) if model in baselines else "-")
        ax.set(xscale="log", ylim=(0, 1.05 * top), xlabel="k (log scale)", ylabel=label)
        longest = max(map(len, lines.values()))
        ax.set_xticks([k for k in TICKS if k <= longest], [str(k) for k in TICKS if k <= longest])
        ax.xaxis.set_minor_formatter("")
        places = spread([float(y[-1]) for y in lines.values()], 0.05 * top, 0, 1.03 * top)
        for (model, y), at in zip(lines.items(), places, strict=True):
            ax.annotate(model, (len(y), y[-1]), (1.02, at), textcoords=ax.get_yaxis_transform(), color=colour[model],
                        fontsize=9, va="center", annotation_clip=False,
                        arrowprops={"arrowstyle": "-", "relpos": (0, 0.5), "ls": ":", "color": colour[model],
                                    "lw": 0.8, "shrinkB": 2})
