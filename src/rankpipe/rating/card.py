"""What the model card of a rating model says."""

from typing import Any

from rankpipe.hub.card import Card, Figure
from rankpipe.leaderboard import Board
from rankpipe.rating.ensemble import Ensemble
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.scores import ENSEMBLE

TAGS = ("rating-prediction", "recommendation", "collaborative-filtering")
NAMES = {"rmse": "rmse", "mae": "mae", "r2": "r_squared"}


def card(size: str, model: str, board: Board, profiles: Profiles, ensemble: Ensemble, columns: tuple[str, str],
         data: dict[str, str], request: dict[str, Any], license: str | None) -> Card:
    """The card of ``model``; ``board`` gives every model's figures on the same rows, ``columns`` are user and item."""
    inputs = profiles.inputs
    members = ", ".join(f"{m} {w:.2f}" for m, w in sorted(ensemble.weights.items()))
    made = f"the weighted sum of {members}" if model == ENSEMBLE else "one model"
    summary = (f"`{model}`, {made}, rates pairs of `{columns[0]}` and `{columns[1]}` on a scale from {inputs.low:g} to "
               f"{inputs.high:g}, from profiles of {inputs.n_users:,} users and {inputs.n_items:,} items: "
               f"{', '.join(f'{name} ({width})' for name, width in inputs.blocks.items()) or 'none but their ids'}. "
               f"Beside each rating stand the spread of the members and a {100 * ensemble.level:g}% interval. Trained "
               f"at size `{size}` by rankpipe: the data below and the commit of the repository give the same bytes "
               "again.")
    left_out = profiles.about.left_out
    return Card(
        title=f"rankpipe-rating-{size}-{model}", model=model, summary=summary,
        use="Predicting what a user would rate an item that they haven't rated yet, and ranking a user's candidates by "
            "it.",
        limits=(
            "Users and items that train doesn't hold are rated by the mean profile of train; profiles don't grow by "
            "themselves with new reviews.",
            "People choose what they rate: of what they would never have chosen the model knows little.",
            "Intervals are calibrated on valid and hold what they promise for pairs like those; the board's notes say "
            "what they held on test.",
            "The files hold the raw ids of train's users and items and sums over their reviews, but no single review.",
            *((f"The data had no source for {', '.join(left_out)}.",) if left_out else ()),
        ),
        figures={row.model: {c.key: Figure(f.value, f.low, f.high) for c in board.columns
                             if (f := row.figures[c.key]).value is not None} for row in board.rows},
        notes=(f"{board.split}: {board.heading}.", *(note.strip() for note in board.notes)),
        data=data, request=request, task="tabular-regression", tags=TAGS, license=license, names=NAMES)
