"""Into how many pieces tokenizers cut a word."""

from dataclasses import dataclass
from pathlib import Path

from rankpipe.plots.style import INK, colours, picture


@dataclass(frozen=True)
class Cutting:
    """One model's tokenizer on one text. ``words`` stands at the right."""

    model: str
    pieces: float
    """Tokens a word."""
    words: str


def pieces(path: str | Path, cuttings: list[Cutting], subtitle: str, among: list[str] | None = None) -> None:
    """``among`` names models without a bar too, so that colours are those of the pictures that show all."""
    colour = colours({*(c.model for c in cuttings), *(among or ())})
    with picture(path, 8.2, 0.42 * len(cuttings) + 1.5, "Tokens per word", subtitle) as figure:
        ax = figure.add_subplot()
        for y, cutting in enumerate(cuttings):
            ax.barh(y, cutting.pieces, height=0.6, color=colour[cutting.model], alpha=0.75)
            ax.text(1.02, y, f"{cutting.pieces:.2f}  {cutting.words}", transform=ax.get_yaxis_transform(),
                    va="center", fontsize=8.5, family="DejaVu Sans Mono", color=INK)
        ax.set_yticks(range(len(cuttings)), [c.model for c in cuttings])
        ax.set(ylim=(len(cuttings) - 0.4, -0.6), xlabel="tokens per word of text that nothing was trained on")
        ax.grid(axis="y", visible=False)
        ax.tick_params(axis="y", length=0)
