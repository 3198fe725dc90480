"""What the model card of a recommender says."""

from typing import Any

from rankpipe.hub.card import Card, Figure
from rankpipe.leaderboard import Board
from rankpipe.topk.dataset import Dataset

TAGS = ("recommendation", "collaborative-filtering", "implicit-feedback", "top-k")
NAMES = {"recall_at_10": "recall_at_10", "ndcg_at_10": "ndcg_at_10"}


def card(size: str, model: str, board: Board, data: Dataset, known: dict[str, str], request: dict[str, Any],
         origin: str, license: str | None) -> Card:
    """The card of ``model``; ``board`` gives every model's figures for the same users.

    Args:
        known: raw file or folder → hash.
        origin: where the row of the sample request comes from.
    """
    folds = "items" in request["rows"][0]
    fields = [f.name for f in (*data.user_fields, *data.item_fields)]
    summary = (f"`{model}` recommends to each of {data.n_users:,} users the best of {data.n_items:,} items that they "
               f"haven't taken{', to new users from the items that they took' if folds else ''}. Trained at size "
               f"`{size}` by rankpipe: the data below and the commit of the repository give the same bytes again.")
    return Card(
        title=f"rankpipe-topk-{size}-{model}", model=model, summary=summary,
        use="Choosing a few items for a user among all, where what users took before is all that is known of their "
            f"taste{', beside ' + ', '.join(fields) if fields else ''}.",
        limits=(
            "What a user took isn't what the user liked, and was chosen from what somebody showed; the rest counts as "
            "not taken.",
            "Items that came after training have no place in any list" +
            ("." if folds else "; nor have users: this model can't fold new ones in."),
            "Scores order the items of one user; they are no probabilities and don't compare users.",
            "`history.h5` holds what every user took: whoever may read the bundle may read that.",
            "Intervals tell of the luck of the users who were judged, not of other seeds, weeks or markets.",
        ),
        figures={row.model: {c.key: Figure(f.value, f.low, f.high) for c in board.columns
                             if (f := row.figures[c.key]).value is not None} for row in board.rows},
        notes=(f"{board.split}: {board.heading}.", *_sentences(board.notes)),
        data=known, request=request, origin=origin, task="other", tags=TAGS, license=license, names=NAMES)


def _sentences(notes: tuple[str, ...]) -> list[str]:
    """The board's notes on its measures; those on verdicts speak of marks that a card doesn't have."""
    return [f"{note}." for note in notes if note.startswith(("recall@10", "valid against test"))]
