"""A token embedding whose old rows are frozen and whose new ones train.

The new rows are a parameter of their own. A mask over the gradient of one table wouldn't do: momentum goes on moving
rows whose gradient is zero, and weight decay shrinks them.
"""

import torch
from torch import Tensor, nn

from rankpipe.embedding.encoder import Encoder
from rankpipe.errors import InputError


class SplitEmbedding(nn.Module):
    """The rows of a table from ``first`` on as a parameter of their own.

    Args:
        weight: (V, d).
        first: 0 < first < V.
    """

    def __init__(self, weight: Tensor, first: int):
        super().__init__()
        self.first = first
        self.old = nn.Embedding.from_pretrained(weight[:first].detach().clone(), freeze=True)
        self.new = nn.Embedding.from_pretrained(weight[first:].detach().clone(), freeze=False)

    @property
    def weight(self) -> Tensor:
        """(V, d)"""
        return torch.cat([self.old.weight, self.new.weight])

    def forward(self, ids: Tensor) -> Tensor:
        """(…) → (…, d)"""
        is_new = ids >= self.first
        old = self.old(ids.masked_fill(is_new, 0))
        new = self.new((ids - self.first).clamp(min=0))
        return torch.where(is_new.unsqueeze(-1), new, old)


def train_new_rows_only(encoder: Encoder) -> None:
    """Freezes everything but the rows that vocabulary expansion added; in place.

    Raises:
        InputError: nothing was added.
    """
    if encoder.first_new is None:
        raise InputError("params.yaml: embedding.models.simcse.train: new_rows, but the model that it starts from has "
                         "no new tokens; start from vocabulary, or set train: all")
    encoder.requires_grad_(False)
    table = encoder.backbone.get_input_embeddings()
    encoder.backbone.set_input_embeddings(SplitEmbedding(table.weight, encoder.first_new))


def join_rows(encoder: Encoder) -> None:
    """Undoes the split; in place."""
    table = encoder.backbone.get_input_embeddings()
    if isinstance(table, SplitEmbedding):
        whole = nn.Embedding(*table.weight.shape, padding_idx=encoder.pad_id, _weight=table.weight.detach().clone())
        encoder.backbone.set_input_embeddings(whole)
    encoder.requires_grad_(True)
