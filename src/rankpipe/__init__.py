"""rankpipe: trains, judges and ships ranking models as a reproducible DVC pipeline."""

__version__ = "0.1.0"
