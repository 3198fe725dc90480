"""One look for all pictures: colours that colour-blind readers tell apart, few lines, words instead of legends where
they fit.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rankpipe.io.atomic import atomic_file

# After Paul Tol's "muted" scheme (personal.sron.nl/~pault), its two palest colours darkened so that words can be set in
# them; grey is kept for what isn't a model.
_COLOURS = ("#332288", "#CC6677", "#117733", "#C08A00", "#2F9BD0", "#AA4499", "#44AA99", "#882255", "#999933",
            "#6B4A2B")
GREY, PALE, INK = "#8A8A8A", "#E4E4E4", "#222222"

_STYLE = {
    "font.family": "DejaVu Sans", "font.size": 9, "text.color": INK, "axes.labelcolor": INK, "axes.edgecolor": GREY,
    "xtick.color": INK, "ytick.color": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5, "axes.grid": True, "grid.color": PALE, "grid.linewidth": 0.6, "axes.axisbelow": True,
    "figure.facecolor": "white", "axes.linewidth": 0.8, "svg.hashsalt": "rankpipe", "lines.solid_capstyle": "round",
}


def colours(models: Iterable[str]) -> dict[str, str]:
    """Model → colour by its place in the alphabet: the same in every picture of a set of models."""
    return {model: _COLOURS[i % len(_COLOURS)] for i, model in enumerate(sorted(models))}


@contextmanager
def picture(path: str | Path, width: float, height: float, title: str, subtitle: str) -> Iterator[Figure]:
    """A figure of ``width`` × ``height`` inches under a two-line title; saved as PNG to ``path`` when the block ends
    well.

    Equal input gives equal bytes: fixed fonts and resolution, and no program version or time among the file's metadata.
    """
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_STYLE)
        figure = Figure(figsize=(width, height), dpi=150, layout="constrained")
        FigureCanvasAgg(figure)
        head = 0.62 / height
        figure.get_layout_engine().set(rect=(0.01, 0.01, 0.98, 0.98 - head), w_pad=0.08, h_pad=0.08)
        figure.text(0.12 / width, 1 - 0.12 / height, title, ha="left", va="top", fontsize=13, fontweight="bold")
        figure.text(0.12 / width, 1 - 0.40 / height, subtitle, ha="left", va="top", fontsize=8.5, color="#555555")
        yield figure
        with atomic_file(path) as partial:
            figure.savefig(partial, format="png", metadata={"Software": None})


def spread(places: list[float], gap: float, low: float, high: float) -> list[float]:
    """Positions for labels that want to stand at ``places`` but must be ``gap`` apart, within [low, high]; order is
    kept.
    """
    order = sorted(range(len(places)), key=lambda i: places[i])
    out = list(places)
    for previous, i in zip([None, *order[:-1]], order, strict=True):
        out[i] = max(out[i], low if previous is None else out[previous] + gap)
    ceiling = high
    for i in reversed(order):
        out[i] = min(out[i], ceiling)
        ceiling = out[i] - gap
    return out


def key(ax: Axes, lines: list[tuple[str, str, bool]], x: float, y: float, step: float = 0.052) -> None:
    """A legend of words in their line's colour, top down from (x, y) in axes units: (text, colour, bold)."""
    for i, (text, colour, bold) in enumerate(lines):
        ax.text(x, y - i * step, text, transform=ax.transAxes, color=colour, fontsize=8.5, va="top",
                fontweight="bold" if bold else "normal", family="DejaVu Sans Mono")
