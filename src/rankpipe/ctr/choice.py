"""By which metric on valid predict and push choose the best model."""

from typing import Literal

BY = "auc"
BETTER: Literal["higher", "lower"] = "higher"
