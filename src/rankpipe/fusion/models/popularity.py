"""The candidate's popularity, whatever the query."""

from rankpipe.fusion.models.column import Column


class Popularity(Column):
    column = "popularity"
