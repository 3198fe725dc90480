"""Models with their intervals as bars, and the baseline that they answer to as a band behind them."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe.plots.style import GREY, INK, PALE, colours, picture


@dataclass(frozen=True)
class Bar:
    """One model, best first. ``words`` stands at the right: the figures as text."""

    model: str
    value: float
    low: float
    high: float
    words: str
    baseline: bool = False


def leaderboard(path: str | Path, bars: list[Bar], baseline: Bar | None, subtitle: str, label: str,
                note: str = "") -> None:
    """``label`` names the axis; ``note`` stands under it, such as a constant that lies off the chart."""
    colour = colours(b.model for b in bars)
    with picture(path, 8.4, 0.40 * len(bars) + 1.75, f"Leaderboard by {label}", subtitle) as figure:
        ax = figure.add_subplot()
        if baseline is not None:
            ax.axvspan(baseline.low, baseline.high, color=PALE, lw=0, zorder=0)
            ax.axvline(baseline.value, color=GREY, lw=1, ls=(0, (4, 2)), zorder=1)
        for i, bar in enumerate(bars):
            ax.plot([bar.low, bar.high], [i, i], color=colour[bar.model], lw=5, alpha=0.45, zorder=2)
            ax.plot(bar.value, i, "o", color=colour[bar.model], ms=7, mew=2, zorder=3,
                    mfc="white" if bar.baseline else None)
            ax.text(1.02, i, bar.words, transform=ax.get_yaxis_transform(), va="center", fontsize=8.5,
                    family="DejaVu Sans Mono", color=INK)
        ax.set_yticks(range(len(bars)), [b.model for b in bars])
        for tick, bar in zip(ax.get_yticklabels(), bars, strict=True):
            tick.set(color=colour[bar.model], fontweight="normal" if bar.baseline else "bold", fontsize=10)
        ax.set_ylim(len(bars) - 0.4, -0.6)
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
        ax.set_xlabel(label)
        if note:
            figure.supxlabel(note, fontsize=8, color="#555555")
