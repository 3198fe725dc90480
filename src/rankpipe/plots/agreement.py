"""Two judgements of the same models against each other."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe.plots.style import GREY, INK, colours, picture, spread


@dataclass(frozen=True)
class Point:
    """One model: value, low and high on either side."""

    model: str
    x: tuple[float, float, float]
    y: tuple[float, float, float]
    baseline: bool = False


def agreement(path: str | Path, points: list[Point], subtitle: str, labels: tuple[str, str], words: list[str]) -> None:
    """``labels`` name the axes; ``words`` stand in the corner, such as the rank correlation."""
    colour = colours(p.model for p in points)
    ends = [v for p in points for v in (*p.x, *p.y)]
    low, high = min(ends), max(ends)
    margin = 0.05 * (high - low) or 0.01
    low, high = low - margin, high + margin
    with picture(path, 7.4, 6.4, "Agreement: do two hidden sets rank the models alike?", subtitle) as figure:
        ax = figure.add_subplot()
        ax.plot([low, high], [low, high], color=GREY, lw=0.8, ls=(0, (1, 2)))
        for p in points:
            ax.plot(p.x[1:], [p.y[0]] * 2, color=colour[p.model], lw=1.2, alpha=0.5)
            ax.plot([p.x[0]] * 2, p.y[1:], color=colour[p.model], lw=1.2, alpha=0.5)
            ax.plot(p.x[0], p.y[0], "o", color=colour[p.model], ms=7, mew=1.8, mfc="white" if p.baseline else None)
        places = spread([p.y[0] for p in points], 0.042 * (high - low), low, high)
        for p, at in zip(points, places, strict=True):
            ax.annotate(p.model, (p.x[0], p.y[0]), (1.02, at), textcoords=ax.get_yaxis_transform(),
                        color=colour[p.model], fontsize=9, va="center", annotation_clip=False,
                        arrowprops={"arrowstyle": "-", "relpos": (0, 0.5), "ls": ":", "color": colour[p.model],
                                    "lw": 0.8, "shrinkB": 4})
        for i, line in enumerate(words):
            ax.text(0.03, 0.97 - 0.045 * i, line, transform=ax.transAxes, va="top", fontsize=9, color=INK,
                    family="DejaVu Sans Mono")
        ax.set(xlim=(low, high), ylim=(low, high), xlabel=labels[0], ylabel=labels[1], aspect="equal")
