"""Sentence vectors: vocabulary expansion, contrastive training and adapters on top of a base encoder."""

BLOCKS = ("source", "extract", "convert", "seeds", "base", "training", "models", "evaluate", "predict", "push")
"""What may stand under ``embedding`` in params.yaml."""

OWN_STAGES = ("vocabulary", "simcse", "bottleneck", "hierarchical", "supervised")
"""Models that start from another one: each has a stage group of its own, such as ``simcse-embedding``."""
