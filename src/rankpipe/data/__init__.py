"""Rows: schema, sampling, splits, vocabularies, scalers, batches."""
