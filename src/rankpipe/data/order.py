"""The order of ids, which no order of rows can change."""

from collections.abc import Sequence

import numpy as np


def ordered(words: Sequence[str]) -> np.ndarray:
    """(n,) int64 positions of ``words``: by number where all are whole numbers, else by code point."""
    if all(word.isascii() and word.isdigit() for word in words):
        return np.array(sorted(range(len(words)), key=lambda i: (int(words[i]), words[i])), np.int64)
    return np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)
