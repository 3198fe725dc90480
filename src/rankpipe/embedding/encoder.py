"""A sentence encoder: tokenizer, network, pooling, and the folder that SentenceTransformer opens with equal vectors."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel, PreTrainedTokenizerFast

import rankpipe.embedding.adapters  # noqa: F401  so that transformers knows networks with adapters
from rankpipe.embedding.folder import load, resolve, save

__all__ = ["POOLINGS", "Encoder", "Pooling", "load", "pooled", "resolve", "save"]

Pooling = Literal["mean", "cls", "last"]
POOLINGS: tuple[str, ...] = get_args(Pooling)
STREAMED = 64
"""Batches that a stream sorts by length together."""


class Encoder(nn.Module):
    """Texts → vectors; a module whose parameters are the network's.

    Args:
        tokenizer: a fast one, with a pad token.
        backbone: what gives ``last_hidden_state``.
        pooling: of the tokens' states, as the base does.
        max_length: tokens of a text, the special ones included; what is longer is cut.
        unit: whether vectors have length 1, as the base's have or haven't.
        first_new: the first row of the token embedding that vocabulary expansion added; None where none was.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerFast, backbone: PreTrainedModel, pooling: Pooling,
                 max_length: int, unit: bool = True, first_new: int | None = None):
        super().__init__()
        self.tokenizer, self.backbone, self.pooling = tokenizer, backbone, pooling
        self.max_length, self.unit, self.first_new = max_length, unit, first_new

    @property
    def dim(self) -> int:
        return self.backbone.config.hidden_size

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text, special ones included, cut at ``max_length``; where there is none, the pad token."""
        if not texts:
            return []
        found = self.tokenizer(list(texts), truncation=True, max_length=self.max_length, padding=False,
                               return_attention_mask=False, return_token_type_ids=False)["input_ids"]
        return [row or [self.pad_id] for row in found]

    def forward(self, tokens: Mapping[str, Tensor]) -> Tensor:
        """(B, dim) float32 of ``attention_mask`` (B, L) and ``input_ids`` (B, L) or ``inputs_embeds`` (B, L, D)."""
        mask = tokens["attention_mask"]
        states = self.backbone(**tokens).last_hidden_state
        vectors = pooled(states.float(), mask, self.pooling)
        return F.normalize(vectors, dim=1) if self.unit else vectors

    def encode(self, texts: Sequence[str], batch_size: int = 64,
               device: str | torch.device | None = None) -> np.ndarray:
        """(n, dim) float32 vectors of ``texts``, in their order; the network is in evaluation mode meanwhile.

        Texts of similar length share a batch, so that little is padded; the width of its batch shows in the last bits
        of a vector, no further.
        """
        was_training, device = self.training, torch.device(device or self.device)
        self.to(device).eval()
        ids = self.tokens(texts)
        order = np.argsort([-len(row) for row in ids], kind="stable")
        found = np.empty((len(ids), self.dim), np.float32)
        with torch.no_grad():  # what a network keeps for later must serve training too
            for start in range(0, len(order), batch_size):
                rows = order[start:start + batch_size]
                found[rows] = self(padded([ids[i] for i in rows], self.pad_id, device)).cpu().numpy()
        self.train(was_training)
        return found

    def stream(self, texts: Iterable[str], batch_size: int = 64,
               device: str | torch.device | None = None) -> Iterator[np.ndarray]:
        """Arrays (m, dim) float32, together in the order of ``texts``, which are never all in memory."""
        rest = iter(texts)
        while block := list(islice(rest, batch_size * STREAMED)):
            yield self.encode(block, batch_size, device)

    @property
    def pad_id(self) -> int:
        return self.tokenizer.pad_token_id


def padded(ids: Sequence[Sequence[int]], pad: int, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask`` (B, L) of rows filled up on the right to the longest."""
    lengths = torch.tensor([len(row) for row in ids])
    flat = torch.tensor([token for row in ids for token in row], dtype=torch.int64)
    return filled(flat, lengths, pad, device)


def filled(flat: Tensor, lengths: Tensor, pad: int, device: torch.device | str = "cpu") -> dict[str, Tensor]:
    """``input_ids`` and ``attention_mask`` (B, L) of token ids end to end (T,) in rows of ``lengths`` (B,)."""
    there = torch.arange(int(lengths.max()), device=lengths.device) < lengths[:, None]
    rows = torch.full(there.shape, pad, dtype=torch.int64, device=flat.device)
    rows[there] = flat
    return {"input_ids": rows.to(device), "attention_mask": there.long().to(device)}


def pooled(states: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """(B, D) of token states (B, L, D); padding (mask 0) may be on either side.

    Raises:
        ValueError: no such pooling.
    """
    if pooling == "mean":
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1).clamp(min=1e-9)
    if pooling == "cls":
        at = mask.argmax(1)
    elif pooling == "last":
        at = mask.shape[1] - 1 - mask.flip(1).argmax(1)
    else:
        raise ValueError(f"pooling {pooling!r} is not one of {', '.join(POOLINGS)}")
    return states[torch.arange(len(states), device=states.device), at]
