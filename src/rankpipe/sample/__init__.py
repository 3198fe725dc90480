"""Seeded generators of raw sample data, one module per track, behind ``python -m rankpipe.sample <track>``.

A module offers ``add_arguments(parser)`` and ``generate(arguments)``; a new track adds its line here.
"""

GENERATORS = {
    "ctr": "rankpipe.sample.ctr",
    "embedding": "rankpipe.sample.embedding",
    "fusion": "rankpipe.sample.fusion",
    "rating": "rankpipe.sample.rating",
    "topk": "rankpipe.sample.topk",
}
