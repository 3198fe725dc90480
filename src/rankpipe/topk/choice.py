"""By which metric on valid predict and push choose the best model."""

from typing import Literal

BY = "recall_at_10"
"""The task's own: hits / min(10, hidden), the mean over users."""
BETTER: Literal["higher", "lower"] = "higher"
