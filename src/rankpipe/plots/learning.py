"""Learning curves: the monitored metric after each evaluation, the kept state marked."""

from collections.abc import Iterable
from pathlib import Path

from rankpipe.plots.style import colours, picture, spread


def learning_curves(path: str | Path, curves: dict[str, tuple[list[float], list[float]]], subtitle: str, x_label: str,
                    y_label: str, higher: bool = True, among: Iterable[str] = ()) -> None:
    """Model → (x, y). Each line ends in its model's name; a ring marks its best evaluation, the state that was kept.

    ``among`` names models without a curve too, so that colours are those of the pictures that show all.
    """
    colour = colours({*curves, *among})
    values = [v for _, y in curves.values() for v in y]
    low, high = min(values), max(values)
    # The first evaluations of a slow starter would squeeze all that matters into a strip: cut below the lowest best
    # value.
    floor = min(max(y) for _, y in curves.values()) if higher else low
    if higher and high > floor:
        low = max(low, floor - 1.5 * (high - floor))
    margin = 0.06 * (high - low) or 0.01
    with picture(path, 7.6, 5.4, f"Learning curves: {y_label}", subtitle) as figure:
        ax = figure.add_subplot()
        for model, (x, y) in curves.items():
            ax.plot(x, y, color=colour[model], lw=1.5, marker="o" if len(x) <= 40 else None, ms=2.6)
            best = y.index(max(y) if higher else min(y))
            ax.plot(x[best], y[best], "o", ms=8, mfc="none", mec=colour[model], mew=1.4)
        ax.set(ylim=(low - margin, high + margin), xlabel=x_label, ylabel=y_label)
        lasts = [x[-1] for x, _ in curves.values()]
        if max(lasts) > 8 * min(lasts) and min(x[0] for x, _ in curves.values()) > 0:
            ax.set(xscale="log", xlabel=f"{x_label} (log scale)")
            ax.xaxis.set_major_formatter("{x:g}")
        else:
            ax.xaxis.get_major_locator().set_params(integer=True)
        ends = [min(max(y[-1], low), high) for _, y in curves.values()]
        places = spread(ends, 0.055 * (high - low + 2 * margin), low, high)
        for (model, (x, y)), at in zip(curves.items(), places, strict=True):
            ax.annotate(model, (x[-1], y[-1]), (1.02, at), textcoords=ax.get_yaxis_transform(), color=colour[model],
                        fontsize=9, va="center", annotation_clip=False,
                        arrowprops={"arrowstyle": "-", "relpos": (0, 0.5), "ls": ":", "color": colour[model],
                                    "lw": 0.8, "shrinkB": 2})
