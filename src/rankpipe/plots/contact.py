"""A contact sheet: what stands first for a few queries, as pictures with their grades."""

from dataclasses import dataclass
from pathlib import Path
from textwrap import shorten

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from rankpipe.plots.style import GREY, INK, PALE, picture

GRADES = ("#B8B8B8", "#C9B65B", "#79B470", "#117733")
"""Colour of the frame by grade, the last for all above."""
_WIDTH, _HEIGHT, _HEAD = 1.08, 1.36, 0.64


@dataclass(frozen=True)
class Shown:
    """One candidate."""

    image: np.ndarray | None
    """(height, width, 3) uint8; None: it has none."""
    grade: int
    meets: bool | None
    """All constraints of the query; None: it has none."""


@dataclass(frozen=True)
class Asked:
    """One query with its strips: who ordered → the first candidates, best first."""

    text: str
    below: str
    """A second line, may be empty."""
    strips: dict[str, list[Shown]]


def contact(path: str | Path, queries: list[Asked], title: str, subtitle: str) -> None:
    """One block a query, one strip in it for each order."""
    longest = max(len(strip) for query in queries for strip in query.strips.values())
    rows = sum(len(query.strips) for query in queries)
    height = rows * _HEIGHT + len(queries) * _HEAD
    side = 1.55
    with picture(path, side + longest * _WIDTH + 0.3, height + 0.95, title, subtitle) as figure:
        ax = figure.add_subplot()
        ax.set(xlim=(-side, longest * _WIDTH), ylim=(height, 0), aspect="equal")
        y = 0.0
        for query in queries:
            # Out of the layout, which would make room for a long line by shrinking everything else.
            ax.text(-side, y + 0.26, shorten(query.text, int(10.5 * (side + longest * _WIDTH)), placeholder=" …"),
                    fontsize=9.5, fontweight="bold", va="center", color=INK, in_layout=False)
            ax.text(-side, y + 0.47, shorten(query.below, int(12 * (side + longest * _WIDTH)), placeholder=" …"),
                    fontsize=8, va="center", color="#555555", in_layout=False)
            y += _HEAD
            for name, strip in query.strips.items():
                ax.text(-side, y + 0.5, name.replace("_", " "), fontsize=9, va="center", color="#555555",
                        in_layout=False)
                for place, shown in enumerate(strip):
                    _tile(ax, place * _WIDTH, y, shown)
                y += _HEIGHT
        # Pictures set the limits anew.
        ax.set(xlim=(-side, longest * _WIDTH), ylim=(height, 0))
        ax.set_axis_off()


def _tile(ax: Axes, x: float, y: float, shown: Shown) -> None:
    if shown.image is None:
        ax.add_patch(Rectangle((x, y), 1, 1, color=PALE, lw=0))
        ax.text(x + 0.5, y + 0.5, "no image", ha="center", va="center", fontsize=7.5, color=GREY, in_layout=False)
    else:
        ax.imshow(shown.image, extent=(x, x + 1, y + 1, y), interpolation="nearest", aspect="equal")
    colour = GRADES[min(shown.grade, len(GRADES) - 1)]
    ax.add_patch(Rectangle((x, y), 1, 1, fill=False, ec=colour, lw=2.6))
    mark = {None: "", True: "  ✓", False: "  ✗"}[shown.meets]
    ax.text(x + 0.5, y + 1.14, f"grade {shown.grade}{mark}", ha="center", va="center", fontsize=7.5, color=INK,
            in_layout=False)
