"""A batch's sentences through the network in chunks of similar length: no token is padded far, whatever the order of
rows, and only one chunk's activations need be held.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from rankpipe.embedding.encoder import Encoder


def embed(encoder: Encoder, ids: Tensor, offsets: Tensor, chunk_tokens: int, cached: bool = False) -> Tensor:
    """(n, dim) float32 vectors of n sentences, in their order.

    Args:
        ids: (m,) int64 token ids, sentences end to end.
        offsets: (n + 1,) int64 on the CPU: sentence i is ``[offsets[i], offsets[i + 1])``.
        chunk_tokens: with padding, of a chunk; a longer sentence is a chunk of its own.
        cached: gradient caching (Gao et al., RepL4NLP 2021): forwards keep their vectors only, and each chunk is
            computed again, under the same dropout, when the gradient of its vectors has come. The negatives of a batch
            of any size then cost the memory of one chunk.
    """
    lengths = offsets.diff()
    order = torch.argsort(lengths, descending=True, stable=True)
    pad, found = encoder.pad_id, []
    for rows in chunks(lengths[order], chunk_tokens):
        chosen = order[rows]
        columns = torch.arange(int(lengths[chosen[0]]))
        there = columns < lengths[chosen, None]
        at = (offsets[chosen, None] + columns).clamp(max=len(ids) - 1).to(ids.device)
        mask = there.to(ids.device)
        tokens = ids[at].masked_fill(~mask, pad)
        if cached and torch.is_grad_enabled():
            found.append(checkpoint(_vectors, encoder, tokens, mask.long(), use_reentrant=False))
        else:
            found.append(_vectors(encoder, tokens, mask.long()))
    if not found:
        return torch.zeros(0, encoder.dim, device=ids.device)
    return torch.cat(found)[torch.argsort(order).to(ids.device)]


def chunks(lengths: Tensor, tokens: int) -> Iterator[slice]:
    """Runs of rows, sorted by length from the longest, of at most ``tokens`` tokens with padding, and at least one row.
    """
    start = 0
    while start < len(lengths):
        stop = start + max(1, tokens // max(1, int(lengths[start])))
        yield slice(start, min(stop, len(lengths)))
        start = stop


def _vectors(encoder: Encoder, ids: Tensor, mask: Tensor) -> Tensor:
    return encoder({"input_ids": ids, "attention_mask": mask})
