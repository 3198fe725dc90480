"""Sentence vectors: vocabulary expansion, contrastive training and adapters on top of a base encoder."""

BLOCKS = ("source", "extract", "convert", "seeds", "base", "encode", "training", "models", "evaluate", "predict", "push")
"""What may stand under ``embedding`` in params.yaml."""
