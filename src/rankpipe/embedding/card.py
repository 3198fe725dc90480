"""What the model card of a sentence encoder says."""

from typing import Any

from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.folder import opening
from rankpipe.embedding.request import ORIGIN
from rankpipe.hub.card import Card, Figure
from rankpipe.leaderboard import Board

TAGS = ("sentence-transformers", "sentence-similarity", "feature-extraction", "korean")
NAMES = {"spearman": "spearman_cosine", "pearson": "pearson_cosine", "auc": "roc_auc"}


def card(size: str, model: str, run: str, chain: list[str], board: Board, encoder: Encoder, data: dict[str, str],
         request: dict[str, Any], license: str | None) -> Card:
    """The card of ``model``; ``board`` gives every model's figures on the same pairs.

    Args:
        run: the seed of the run that is shipped, or ``all``.
        chain: the models that it was made from, first to last, itself at the end.
        data: raw file or folder → hash.
    """
    which = "" if run == "all" else f" Of its runs the one of seed {run} is shipped, the best on valid."
    summary = (f"`{model}` turns a Korean sentence into {encoder.dim} numbers, so that the cosine of two vectors says "
               f"how similar the sentences are: {' → '.join(chain)}, {encoder.pooling} pooling, at most "
               f"{encoder.max_length} tokens, {len(encoder.tokenizer):,} in the vocabulary.{which} Trained at size "
               f"`{size}` by rankpipe: the data below and the commit of the repository give the same bytes again. "
               f"sentence-transformers' `{opening(encoder)}` opens it and gives the same vectors.")
    return Card(
        title=f"rankpipe-embedding-{size}-{model}", model=model, summary=summary,
        use="Search, clustering and near-duplicate detection among short Korean texts like those it was trained on.",
        limits=(
            "A cosine orders pairs; it is no probability, and those of another model don't compare with it.",
            "The mean cosine of similar and that of different pairs stand side by side in the table above: their gap "
            "alone can grow while similar pairs get worse.",
            f"Of a text only the first {encoder.max_length} tokens count.",
            "The figures are means over the runs that the board names; one run may lie off by their spread.",
            "Intervals tell of the luck of the pairs that were judged, not of other seeds, subjects or years.",
        ),
        figures={row.model: {c.key: Figure(f.value, f.low, f.high) for c in board.columns
                             if (f := row.figures[c.key]).value is not None} for row in board.rows},
        notes=(f"{board.split}: {board.heading}.", *_sentences(board.notes)),
        data=data, request=request, origin=ORIGIN, task="sentence-similarity", tags=TAGS, license=license, names=NAMES)


def _sentences(notes: tuple[str, ...]) -> list[str]:
    """The board's notes on its measures; those on verdicts speak of marks that a card doesn't have."""
    return [f"{note}." for note in notes if not note.startswith(("Δ", " "))]
