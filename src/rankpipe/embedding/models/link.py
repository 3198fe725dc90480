"""What the trained links have in common: sentences in, vectors out, in columns; how a run starts and what it leaves."""

from typing import Any

from torch import Tensor, nn

from rankpipe.embedding.adapters import adapted
from rankpipe.embedding.batches import Batch
from rankpipe.embedding.chunks import embed
from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.links import Link as Params
from rankpipe.embedding.rows import join_rows
from rankpipe.errors import InputError


class Link(nn.Module):
    """All weights train, unless a link's :meth:`begin` says otherwise.

    Args:
        encoder: of the link before; it is this link's from now on.
    """

    Params = Params

    def __init__(self, encoder: Encoder, params: Any):
        super().__init__()
        self.encoder, self.params = encoder, params
        self.begin()
        if params.dropout is not None:
            set_dropout(encoder.backbone, params.dropout)

    def begin(self) -> None:
        """Says which parameters train, and adds what is new; random numbers come from torch's own generator."""
        self.encoder.requires_grad_(True)
        # Of no use to any vector; several processes wait for the gradient of everything that trains.
        for name, parameter in self.encoder.named_parameters():
            if ".pooler." in name:
                parameter.requires_grad_(False)

    def forward(self, batch: Batch) -> Tensor:
        """(C, b, dim) float32."""
        vectors = embed(self.encoder, batch.ids, batch.offsets, self.params.chunk_tokens, self.params.cache_gradients)
        return vectors.view(batch.columns, -1, vectors.shape[1])

    def finished(self) -> Encoder:
        """The encoder as the next link, or anybody, takes it."""
        join_rows(self.encoder)
        return self.encoder.eval()


def set_dropout(network: nn.Module, share: float) -> None:
    """Of all layers and of attention, in place; the configuration that is saved stays as it is."""
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
        elif isinstance(getattr(module, "attention_dropout", None), float):
            module.attention_dropout = share


def add_adapter(encoder: Encoder, name: str, rank: int, link: str) -> None:
    """A fresh adapter behind those that are there, after every layer; it alone trains.

    Args:
        link: the id of the link that wants it.

    Raises:
        InputError: the network can't take it.
    """
    try:
        encoder.backbone = adapted(encoder.backbone, [{"name": name, "rank": rank}])
    except ValueError as error:
        raise InputError(f"params.yaml: embedding.models.{link}: the model that it starts from can take no adapter "
                         f"{name} ({error}); start from another one") from error
    encoder.requires_grad_(False)
    for layer in encoder.backbone.adapted_layers:
        layer.adapters[name].requires_grad_(True)
