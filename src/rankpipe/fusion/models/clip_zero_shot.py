"""Cosine of the query's text and the candidate's image in the space that the image encoder shares with texts (CLIP,
Radford et al., ICML 2021), without any training here."""

from rankpipe.fusion.models.column import Column


class CLIPZeroShot(Column):
    column, modality = "image_query_cosine", "image"
