"""All weights on graded pairs or triplets, without adapters (Reimers and Gurevych, EMNLP 2019)."""

from rankpipe.embedding import links
from rankpipe.embedding.models.link import Link


class Supervised(Link):
    Params = links.Supervised
