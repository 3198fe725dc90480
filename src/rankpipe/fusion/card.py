"""What the model card of a ranker says."""

from typing import Any

from rankpipe.fusion.dataset import Dataset
from rankpipe.hub.card import Card, Figure
from rankpipe.leaderboard import Board

TAGS = ("learning-to-rank", "multimodal", "retrieval", "reranking")
NAMES = {"ndcg_at_10": "ndcg_at_10", "mrr": "mrr", "map": "map"}


def card(size: str, model: str, board: Board, data: Dataset, known: dict[str, str], request: dict[str, Any],
         origin: str, license: str | None) -> Card:
    """The card of ``model``; ``board`` gives every model's figures for the same queries.

    Args:
        known: raw file or folder → hash.
        origin: where the rows of the sample request come from.
    """
    summary = (f"`{model}` orders candidates for a query: {len(data.candidates):,} of a catalogue, or new ones "
               "described by image, text and attributes, by how well they answer its text and its constraints. Trained "
               f"at size `{size}` by rankpipe: the data below and the commit of the repository give the same bytes "
               "again.")
    return Card(
        title=f"rankpipe-fusion-{size}-{model}", model=model, summary=summary,
        use="Ordering the few dozen candidates that a search has found, where pictures, captions and attributes each "
            "tell a part of what was asked for.",
        limits=(
            "It orders what it is given: what the search before it doesn't find can't be first.",
            "Scores order the candidates of one query; they are no probabilities and don't compare queries.",
            "A constraint weighs, it doesn't forbid: see compliance and conflicts above, and filter where none may be "
            "violated.",
            f"Attributes are {', '.join(data.candidates.attributes)}; of other values than train's nothing was learnt.",
            "`catalogue.h5` holds texts and attributes of the catalogue: whoever may read the bundle may read those.",
            "Intervals tell of the luck of the queries that were judged, not of other seeds, shops or years.",
        ),
        figures={row.model: {c.key: Figure(f.value, f.low, f.high) for c in board.columns
                             if (f := row.figures[c.key]).value is not None} for row in board.rows},
        notes=(f"{board.split}: {board.heading}.", *_sentences(board.notes)),
        data=known, request=request, origin=origin, task="text-ranking", tags=TAGS, license=license, names=NAMES)


def _sentences(notes: tuple[str, ...]) -> list[str]:
    """The board's notes on its measures; those on verdicts speak of marks that a card doesn't have."""
    return [f"{note}." for note in notes if not note.startswith(("Δ", " "))]
