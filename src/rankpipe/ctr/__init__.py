"""Click-through-rate prediction: any table with a label, categorical, numeric and sequence columns."""

BLOCKS = ("source", "schema", "extract", "convert", "features", "training", "models", "evaluate", "predict", "push")
"""What may stand under ``ctr`` in params.yaml."""
