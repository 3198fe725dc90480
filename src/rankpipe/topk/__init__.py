"""Top-N recommendation from implicit feedback: any table of users and items, with fields of either side."""

BLOCKS = ("source", "extract", "convert", "features", "lists", "training", "models", "evaluate", "predict", "push")
"""What may stand under ``topk`` in params.yaml."""
