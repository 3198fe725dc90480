"""BM25 (Robertson et al., TREC-3, 1994) of the query's words in the candidate's text."""

from rankpipe.fusion.models.column import Column


class BM25(Column):
    column, modality = "bm25", "text"
