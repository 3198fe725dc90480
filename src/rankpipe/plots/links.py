"""A metric along a chain of models, each made from another: what every link gave."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe.plots.style import GREY, INK, PALE, colours, picture


@dataclass(frozen=True)
class Link:
    """One model: value with interval, the values of its runs, and the model that it started from."""

    model: str
    value: float
    low: float
    high: float
    runs: tuple[float, ...] = ()
    start: str | None = None


def links(path: str | Path, chain: list[Link], floor: Link | None, subtitle: str, label: str) -> None:
    """Models in the order of ``chain``; a line leads from the model that one started from.

    Args:
        floor: a model outside the chain, drawn as a band across.
    """
    colour = colours([link.model for link in chain] + ([floor.model] if floor else []))
    place = {link.model: i for i, link in enumerate(chain)}
    with picture(path, max(1.15 * len(chain) + 1.6, 7.6), 5.0, f"{label} along the chain", subtitle) as figure:
        ax = figure.add_subplot()
        if floor is not None:
            ax.axhspan(floor.low, floor.high, color=PALE, lw=0, zorder=0)
            ax.axhline(floor.value, color=GREY, lw=1, ls=(0, (4, 2)), zorder=1)
            ax.text(1.01, floor.value, f"{floor.model} {floor.value:.4f}", transform=ax.get_yaxis_transform(),
                    va="center", fontsize=8.5, color="#555555")
        for link in chain:
            x = place[link.model]
            if link.start in place:
                start = chain[place[link.start]]
                ax.annotate("", (x, link.value), (place[link.start], start.value), zorder=1,
                            arrowprops={"arrowstyle": "->", "color": GREY, "lw": 0.9, "shrinkA": 7, "shrinkB": 7,
                                        "connectionstyle": "arc3,rad=-0.12"})
            ax.plot([x, x], [link.low, link.high], color=colour[link.model], lw=5, alpha=0.35, zorder=2)
            ax.plot(x, link.value, "o", color=colour[link.model], ms=7, zorder=3)
            for i, value in enumerate(link.runs if len(link.runs) > 1 else ()):
                ax.plot(x + 0.1 + 0.07 * i, value, "o", color=colour[link.model], ms=3.4, mfc="white", zorder=3)
            ax.annotate(f"{link.value:.4f}", (x, link.low), (0, -4), textcoords="offset points", ha="center", va="top",
                        fontsize=8.5, color=INK, family="DejaVu Sans Mono")
        ax.set_xticks(range(len(chain)), [link.model for link in chain])
        for tick, link in zip(ax.get_xticklabels(), chain, strict=True):
            tick.set(color=colour[link.model], fontweight="bold", fontsize=9.5)
        ends = [v for link in [*chain, *([floor] if floor else [])] for v in (link.low, link.high, *link.runs)]
        margin = 0.08 * (max(ends) - min(ends)) or 0.01
        ax.set(xlim=(-0.5, len(chain) - 0.4), ylim=(min(ends) - 1.6 * margin, max(ends) + margin), ylabel=label)
        ax.grid(axis="x", visible=False)
        ax.tick_params(axis="x", length=0)
        figure.supxlabel("an arrow: started from; small rings: the runs, one a seed; band: the floor", fontsize=8,
                         color="#555555")
