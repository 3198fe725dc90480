"""A bottleneck adapter after every layer (Houlsby et al., ICML 2019), trained on sentences alone over a frozen base."""

from rankpipe.embedding import links
from rankpipe.embedding.models.link import Link, add_adapter

LANGUAGE = "language"


class Bottleneck(Link):
    Params = links.Bottleneck

    def begin(self) -> None:
        add_adapter(self.encoder, LANGUAGE, self.params.adapter_dim, "bottleneck")
