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

    The token embedding is read once for all chunks: the gradient of the whole table would else be filled and added up
    again for each of them.

    Args:
        ids: (m,) int64 token ids, sentences end to end.
        offsets: (n + 1,) int64 on the CPU: sentence i is ``[offsets[i], offsets[i + 1])``.
        chunk_tokens: with padding, of a chunk, at most; a longer sentence is a chunk of its own.
        cached: gradient caching (Gao et al., RepL4NLP 2021): the way forward keeps the tokens' embeddings and the
            vectors only, and each chunk is computed again, under the same dropout, when the gradient of its vectors has
            come. The negatives of a batch of any size then cost the activations of one chunk.
    """
    if len(offsets) == 1:
        return torch.zeros(0, encoder.dim, device=ids.device)
    order = torch.argsort(offsets.diff(), descending=True, stable=True)
    lengths = offsets.diff()[order]
    ends = lengths.cumsum(0)
    at = torch.arange(len(ids)) + torch.repeat_interleave(offsets[order] - (ends - lengths), lengths)
    states = encoder.backbone.get_input_embeddings()(ids[at.to(ids.device)])  # (m, D), the longest sentence first
    runs = list(chunks(lengths, chunk_tokens))
    parts = states.split([int(lengths[rows].sum()) for rows in runs])
    found = []
    for rows, part in zip(runs, parts, strict=True):
        if cached and torch.is_grad_enabled():
            found.append(checkpoint(_vectors, encoder, part, lengths[rows], use_reentrant=False))
        else:
            found.append(_vectors(encoder, part, lengths[rows]))
    return torch.cat(found)[torch.argsort(order).to(ids.device)]


def chunks(lengths: Tensor, tokens: int) -> Iterator[slice]:
    """Runs of rows, sorted by length from the longest, of at most ``tokens`` tokens with padding and none shorter than
    half of the longest; at least one row each. So even a batch that would fit at once has little padding.
    """
    start = 0
    while start < len(lengths):
        longest = int(lengths[start])
        similar = int((lengths[start:] * 2 >= longest).sum())
        stop = start + max(1, min(similar, tokens // max(1, longest)))
        yield slice(start, stop)
        start = stop


def _vectors(encoder: Encoder, states: Tensor, lengths: Tensor) -> Tensor:
    """(B, dim) of the embeddings (t, D) of B sentences end to end, the longest first."""
    columns = torch.arange(int(lengths[0]))
    there = columns < lengths[:, None]
    # Where a row has ended stands any token: attention and pooling are told.
    at = ((lengths.cumsum(0) - lengths)[:, None] + columns).clamp(max=len(states) - 1)
    mask = there.long().to(states.device)
    return encoder({"inputs_embeds": states[at.to(states.device)], "attention_mask": mask})
