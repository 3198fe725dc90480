"""How predict and push choose the ``best`` model and its run: on valid, whatever measure orders the leaderboard."""

from typing import Literal

BY = "spearman"
BETTER: Literal["higher", "lower"] = "higher"
WITHOUT_VECTORS = ("tfidf",)
"""Models that are judged beside the encoders, but have no vectors to give out or to search."""
