"""Tokenised sentences, end to end, and a random part of them as an augmentation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

BLOCK = 4096
"""Sentences that the tokenizer takes at once."""


@dataclass(frozen=True)
class Sentences:
    """n tokenised sentences, m tokens in all, special tokens counted in."""

    ids: np.ndarray
    """(m,) int32"""
    words: np.ndarray
    """(m,) int32 number of the token's word in its sentence, from 0; −1 for special tokens."""
    offsets: np.ndarray
    """(n + 1,) int64: sentence i is ``[offsets[i], offsets[i + 1])``."""

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def lengths(self) -> np.ndarray:
        return np.diff(self.offsets)

    def of(self, i: int) -> np.ndarray:
        """Token ids of sentence ``i``."""
        return self.ids[self.offsets[i]:self.offsets[i + 1]]

    def part(self, i: int, ratio: float, start: float) -> np.ndarray:
        """Token ids of a run of ``ratio`` of sentence ``i``'s words (at least one), with all its special tokens.

        Args:
            start: in [0, 1), where the run begins among all places it may have.
        """
        ids, words = self.of(i), self.words[self.offsets[i]:self.offsets[i + 1]]
        count = int(words.max(initial=-1)) + 1
        kept = max(1, round(ratio * count))
        first = int(start * (count - kept + 1))
        return ids[(words < 0) | ((words >= first) & (words < first + kept))]


def tokenise(tokenizer: Any, texts: Sequence[str], max_length: int) -> Sentences:
    """Args:
        tokenizer: a fast one of transformers.
        max_length: longer sentences lose their end.
    """
    ids: list[np.ndarray] = []
    words: list[np.ndarray] = []
    for start in range(0, len(texts), BLOCK):
        found = tokenizer(list(texts[start:start + BLOCK]), truncation=True, max_length=max_length, padding=False,
                          return_attention_mask=False, return_token_type_ids=False)
        for encoding in found.encodings:
            ids.append(np.array(encoding.ids, np.int32))
            words.append(np.array([-1 if word is None else word for word in encoding.word_ids], np.int32))
    offsets = np.zeros(len(ids) + 1, np.int64)
    np.cumsum([len(one) for one in ids], out=offsets[1:])
    empty = np.zeros(0, np.int32)
    return Sentences(np.concatenate([empty, *ids]), np.concatenate([empty, *words]), offsets)
