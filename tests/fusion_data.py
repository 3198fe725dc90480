"""Queries, candidates and slates in memory, with a planted truth, that the tests of the fusion track share."""

from dataclasses import dataclass, replace

import numpy as np

from rankpipe.fusion.dataset import Candidates, Dataset, Queries, Slates

COLOURS = ("red", "green", "blue", "black")
"""What only the image shows."""
MATERIALS = ("glass", "paper", "steel", "wood")
"""What only the text says."""
SIZES = ("large", "medium", "small", "tiny")
"""What only the attribute ``size`` says; the attribute ``brand`` has nothing to do with anything."""


@dataclass(frozen=True)
class Planted:
    """A data set and what it was made from: a candidate is worth one grade for each of the three that a query wants."""

    data: Dataset
    truth: np.ndarray
    """(C, 3) colour, material, size of each candidate, gaps and missing modalities or not."""
    wanted: np.ndarray
    """(Q, 3) the same of each query: colour and material by its text, size as a constraint."""

    @property
    def grades(self) -> np.ndarray:
        """(C, Q) int: from the truth alone."""
        return (self.truth[:, None] == self.wanted[None]).sum(2)


def planted(n_queries: int = 60, per_query: int = 8, seed: int = 0, gaps: float = 0.0) -> Planted:
    """Every query has ``per_query`` candidates of its own, the first of which is all that it wants, in shuffled order.

    ``gaps``: share of images, texts and attributes that are missing. Splits: 60 % train, 20 % valid, 20 % test.
    """
    rng = np.random.default_rng(seed)
    wanted = rng.integers(0, 4, (n_queries, 3))
    truth = rng.integers(0, 4, (n_queries, per_query, 3))
    keep = rng.random(truth.shape) < 0.4
    truth = np.where(keep, wanted[:, None], truth)
    truth[:, 0] = wanted
    truth = np.stack([rng.permutation(rows) for rows in truth])
    truth = truth.reshape(-1, 3)
    count = len(truth)
    there = rng.random((count, 3)) >= gaps
    codes = np.stack([rng.integers(0, 3, count), np.where(there[:, 2], truth[:, 2], -1)], 1).astype(np.int32)
    candidates = Candidates(
        [f"c{i:05d}" for i in range(count)],
        [f"images/{i:05d}.png" if there[i, 0] else None for i in range(count)],
        [f"thing no {i} made of {MATERIALS[truth[i, 1]]}" if there[i, 1] else None for i in range(count)],
        {"brand": ["acme", "bolt", "corp"], "size": list(SIZES)}, codes,
        rng.random(count).astype(np.float32), np.arange(count, dtype=np.int32))
    constraints = np.stack([np.full(n_queries, -1), wanted[:, 2]], 1).astype(np.int32)
    split = np.repeat([0, 1, 2], [n_queries - 2 * (n_queries // 5), n_queries // 5, n_queries // 5]).astype(np.uint8)
    queries = Queries([f"q{i:05d}" for i in range(n_queries)],
                      [f"a {COLOURS[c]} thing of {MATERIALS[m]}" for c, m, _ in wanted.tolist()],
                      [("shop", "market")[i % 2] for i in range(n_queries)], constraints, split)
    rows = np.arange(count)
    grades = (truth == wanted[rows // per_query]).sum(1).astype(np.int8)
    slates = Slates(np.arange(0, count + 1, per_query, dtype=np.int64), rows.astype(np.int32), grades)
    return Planted(Dataset(candidates, queries, slates), truth, wanted)


def ragged(data: Dataset, lengths: np.ndarray) -> Dataset:
    """``data`` with each slate cut to its first ``lengths`` (Q,) rows, at least one."""
    keep = data.slates.starts < np.repeat(np.maximum(lengths, 1), data.slates.lengths)
    kept = np.minimum(np.maximum(lengths, 1), data.slates.lengths)
    meets = None if data.slates.meets is None else data.slates.meets[keep]
    slates = Slates(np.concatenate([[0], np.cumsum(kept)]).astype(np.int64), data.slates.candidates[keep],
                    data.slates.grades[keep], meets)
    return replace(data, slates=slates)
