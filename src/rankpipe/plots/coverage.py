"""Do intervals hold what they promise? Measured coverage by promised level, and what it costs in width."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe.plots.style import GREY, colours, picture, spread


@dataclass(frozen=True)
class Line:
    """One model's intervals at rising levels."""

    model: str
    levels: list[float]
    coverage: list[tuple[float, float, float]]
    """Value, low, high at each level."""
    width: list[float]
    """Mean width at each level."""


def coverage(path: str | Path, lines: list[Line], level: float, subtitle: str) -> None:
    """Left: coverage against level, the promise dotted. Right: mean width against coverage, lower is better.

    Args:
        level: the one that predictions carry, marked.
    """
    colour = colours(line.model for line in lines)
    with picture(path, 9.6, 5.0, "Intervals: promised level and measured coverage", subtitle) as figure:
        left, right = figure.subplots(1, 2)
        ends = [x for line in lines for x in line.levels]
        left.plot([min(ends), max(ends)], [min(ends), max(ends)], color=GREY, lw=0.9, ls=(0, (1, 2)))
        left.axvline(level, color=GREY, lw=0.8, ls=(0, (4, 2)))
        left.text(level, min(ends), f" level {level:g} of predictions", color=GREY, fontsize=8, rotation=90,
                  va="bottom", ha="right")
        step = 0.004 * (max(ends) - min(ends))
        for i, line in enumerate(lines):
            # Side by side, or bars at one level would hide each other.
            x = [a + step * (i - (len(lines) - 1) / 2) * 2 for a in line.levels]
            left.vlines(x, [c[1] for c in line.coverage], [c[2] for c in line.coverage], color=colour[line.model],
                        lw=1.6, alpha=0.6)
            left.plot(x, [c[0] for c in line.coverage], color=colour[line.model], lw=1, marker="o", ms=3.4)
            right.plot([c[0] for c in line.coverage], line.width, color=colour[line.model], lw=1.4, marker="o", ms=3.4)
        left.set(xlabel="promised level", ylabel="share of test ratings inside")
        right.set(xlabel="share of test ratings inside", ylabel="mean width, in units of the rating")
        low, high = right.get_ylim()
        places = spread([line.width[-1] for line in lines], 0.05 * (high - low), low, high)
        for line, at in zip(lines, places, strict=True):
            right.annotate(line.model, (line.coverage[-1][0], line.width[-1]), (1.02, at), fontsize=9, va="center",
                           textcoords=right.get_yaxis_transform(), color=colour[line.model], annotation_clip=False,
                           arrowprops={"arrowstyle": "-", "ls": ":", "color": colour[line.model], "lw": 0.8,
                                       "shrinkB": 2})
