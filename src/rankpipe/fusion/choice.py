"""By which metric on valid predict and push choose the best model."""

from typing import Literal

BY = "ndcg_at_10"
BETTER: Literal["higher", "lower"] = "higher"
