"""Seeded generators of raw sample data, one module per track: ``python -m rankpipe.sample <track> --rows N --out FOLDER``.

A module offers ``add_arguments(parser)`` and ``generate(arguments)``; a new track adds its line here.
"""

GENERATORS = {
    "ctr": "rankpipe.sample.ctr",
}
