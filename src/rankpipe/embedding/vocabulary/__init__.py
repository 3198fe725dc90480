"""Vocabulary expansion: Korean subwords that the base encoder lacks become tokens of their own.

Public: :class:`Expansion` (parameters), :func:`expand`, :class:`Report`.
"""

from rankpipe.embedding.vocabulary.expansion import Expansion, Report, expand

__all__ = ["Expansion", "Report", "expand"]
