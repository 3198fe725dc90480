"""What a model loses where a part of its input is taken away, and where it looks."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe.plots.style import GREY, INK, PALE, picture

_COLOURS = ("#332288", "#CC6677", "#2F9BD0", "#C08A00")


@dataclass(frozen=True)
class Bar:
    """``value`` with its interval."""

    value: float
    low: float
    high: float


def ablation(path: str | Path, whole: Bar, changes: dict[str, dict[str, Bar]], attention: dict[str, Bar], title: str,
             subtitle: str, label: str) -> None:
    """Change in words → part of the input → the metric after it; ``attention``: part → mean weight, may be empty.

    ``whole``, the metric on the whole input, is a line with a band behind the bars.
    """
    parts = list(next(iter(changes.values())))
    step = len(parts) + 0.7
    places = {(change, part): i * step + j for i, change in enumerate(changes) for j, part in enumerate(parts)}
    colour = dict(zip(parts, _COLOURS, strict=False))
    with picture(path, 9.2, 0.27 * len(places) + 2.2, title, subtitle) as figure:
        left, right = figure.subplots(1, 2, width_ratios=(2.4, 1))
        left.axvspan(whole.low, whole.high, color=PALE, lw=0, zorder=0)
        left.axvline(whole.value, color=GREY, lw=1, ls=(0, (4, 2)), zorder=1)
        for (change, part), y in places.items():
            bar = changes[change][part]
            left.barh(y, bar.value, height=0.78, color=colour[part], alpha=0.75, zorder=2)
            left.plot([bar.low, bar.high], [y, y], color=INK, lw=1.4, zorder=3)
            left.text(1.02, y, f"{bar.value:.4f}  {bar.value - whole.value:+.4f}", transform=left.get_yaxis_transform(),
                      va="center", fontsize=8, family="DejaVu Sans Mono")
        left.set_yticks(list(places.values()), [f"{part} {change}" for change, part in places])
        left.set(ylim=(max(places.values()) + 0.6, -0.6), xlim=(0, 1), xlabel=f"{label}; dashed: the whole input")
        _attention(right, attention, colour)
        for ax in (left, right):
            ax.grid(axis="y", visible=False)
            ax.tick_params(axis="y", length=0)


def _attention(ax, attention: dict[str, Bar], colour: dict[str, str]) -> None:
    if not attention:
        ax.set_axis_off()
        return
    for y, (part, bar) in enumerate(attention.items()):
        ax.barh(y, bar.value, height=0.6, color=colour.get(part, GREY), alpha=0.75)
        ax.plot([bar.low, bar.high], [y, y], color=INK, lw=1.4)
        ax.text(bar.high, y, f"  {bar.value:.3f}", va="center", fontsize=8, family="DejaVu Sans Mono")
    ax.set_yticks(range(len(attention)), list(attention))
    ax.set(ylim=(len(attention) - 0.4, -0.6), xlim=(0, max(1.0, max(b.high for b in attention.values()))),
           xlabel="mean attention of the query")
