"""Do two judgements put things in the same order? Rank correlations, many pairs of judgements at once."""

import numpy as np


def spearman(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R, M) and (R, M) → (R,): Pearson's correlation of the ranks, ties sharing their mean rank (Spearman 1904).

    NaN where all M values of a side are equal.
    """
    return _cosine(_ranks(a), _ranks(b))


def kendall(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(R, M) and (R, M) → (R,): τ_b, the surplus of pairs in the same order, corrected for ties (Kendall 1945).

    NaN where all M values of a side are equal.
    """
    first, second = np.triu_indices(a.shape[1], 1)
    return _cosine(np.sign(a[:, first] - a[:, second]), np.sign(b[:, first] - b[:, second]))


def _ranks(x: np.ndarray) -> np.ndarray:
    """Ranks around their mean, 0: half of how many more lie below than above."""
    return np.sign(x[:, :, None] - x[:, None, :]).sum(axis=2) / 2


def _cosine(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return (a * b).sum(axis=1) / np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
