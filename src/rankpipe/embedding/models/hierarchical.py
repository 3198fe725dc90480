"""The stack of MAD-X (Pfeiffer et al., EMNLP 2020): task(language(h)) after every layer. The language adapter, frozen
as all the rest, is the bottleneck's; the task adapter is trained on graded pairs.
"""

from rankpipe.embedding import links
from rankpipe.embedding.models.link import Link, add_adapter

TASK = "task"


class Hierarchical(Link):
    Params = links.Hierarchical

    def begin(self) -> None:
        add_adapter(self.encoder, TASK, self.params.adapter_dim, "hierarchical")
