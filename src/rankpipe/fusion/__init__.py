"""Ranking of candidates for a query from three modalities: image, text and attributes."""

BLOCKS = ("source", "extract", "convert", "encode", "retrieve", "training", "models", "evaluate", "predict", "push")
"""What may stand under ``fusion`` in params.yaml."""
