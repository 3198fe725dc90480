"""What the model card of a click model says."""

from typing import Any

from rankpipe.data.encoders import Encoders
from rankpipe.hub.card import Card, Figure
from rankpipe.leaderboard import Board

TAGS = ("ctr", "click-through-rate", "recommendation", "ranking")
NAMES = {"auc": "roc_auc", "average_precision": "average_precision", "logloss": "log_loss"}


def card(size: str, model: str, board: Board, encoders: Encoders, data: dict[str, str], request: dict[str, Any],
         license: str | None) -> Card:
    """The card of ``model``; ``board`` gives every model's figures on the same rows."""
    schema = encoders.schema
    histories = [f"{name} (the newest {encoders.max_len} items)" for name in schema.sequence]
    read = f"{len(schema.categorical)} categorical and {len(schema.numeric)} numeric columns"
    if histories:
        read += f" and the histories {', '.join(histories)}"
    summary = (f"`{model}` gives the probability of `{schema.label}` = 1 from {read}. Trained at size `{size}` by "
               "rankpipe: the data below and the commit of the repository give the same bytes again.")
    return Card(
        title=f"rankpipe-ctr-{size}-{model}", model=model, summary=summary,
        use="Ranking the candidates of one request by the probability of a click, in traffic such as the data's.",
        limits=(
            "The probability is that of the logged traffic: for another share of clicks, or after down-sampling, "
            "calibrate it anew.",
            "Logs hold only what an earlier system chose to show; the model has never seen the rest.",
            "Values that the train split didn't hold all count as one unknown value, and older history than the newest "
            f"{encoders.max_len} items is not read.",
            "Intervals tell of the luck of the test rows, not of other seeds, later weeks or other markets.",
        ),
        figures={row.model: {c.key: Figure(f.value, f.low, f.high) for c in board.columns
                             if (f := row.figures[c.key]).value is not None} for row in board.rows},
        notes=(f"{board.split}: {board.heading}.", "constant: the click rate of valid for every row."),
        data=data, request=request, tags=TAGS, license=license, names=NAMES)
