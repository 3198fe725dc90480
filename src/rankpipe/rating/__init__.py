"""Star ratings from profiles and review text: any table of users, items, ratings and, where there is one, text."""

BLOCKS = ("source", "extract", "convert", "features", "training", "models", "ensemble", "evaluate", "predict", "push")
"""What may stand under ``rating`` in params.yaml."""
