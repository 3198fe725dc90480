"""What train leaves beside a model: the cosine of every pair of valid and test, run by run, and figures of the runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from rankpipe.embedding.scores import FIGURES
from rankpipe.embedding.scoring import embedded
from rankpipe.embedding.table import Pairs
from rankpipe.errors import InputError
from rankpipe.io.json import write_json
from rankpipe.metrics.hypersphere import alignment, uniformity

if TYPE_CHECKING:
    from rankpipe.embedding.encoder import Encoder

SCHEMA = pa.schema([("pair", pa.int32()), ("seed", pa.int64()), ("label", pa.float32()), ("score", pa.float32())])
ALIKE = 0.8
"""Alignment is that of pairs of at least this score."""


class Scored:
    """The runs of one model, as they come.

    Args:
        pairs: ``valid`` and ``test``.
    """

    def __init__(self, pairs: dict[str, Pairs]):
        self.pairs = pairs
        self.parts: dict[str, list[pa.Table]] = {split: [] for split in pairs}
        self.figures: dict[str, Any] = {}

    def add(self, seed: int, split: str, cosine: np.ndarray) -> None:
        """cosine: (n,) of the pairs of ``split``.

        Raises:
            InputError: one is no number.
        """
        if not np.isfinite(cosine).all():
            raise InputError(f"{int((~np.isfinite(cosine)).sum())} of {len(cosine)} cosines of {split} are no number; "
                             "lower lr and train again")
        rows = {"pair": np.arange(len(cosine)), "seed": np.full(len(cosine), seed), "label": self.pairs[split].score,
                "score": cosine}
        self.parts[split].append(pa.table([pa.array(rows[field.name]).cast(field.type) for field in SCHEMA], SCHEMA))

    def add_encoder(self, seed: int, encoder: Encoder, device: str) -> None:
        """Scores all pairs, and says how the vectors lie on their sphere."""
        for split, of in self.pairs.items():
            first, second = embedded(encoder, of, device)
            self.add(seed, split, np.einsum("nd,nd->n", first, second))
            alike = of.score >= ALIKE - 1e-6
            for name, value in (("alignment", alignment(first[alike], second[alike])),
                                ("uniformity", uniformity(np.concatenate([first, second])))):
                if value is not None:
                    self.figures.setdefault(name, {}).setdefault(split, {})[str(seed)] = value

    def write(self, out: Path) -> None:
        """``valid.parquet``, ``test.parquet`` and ``figures.json`` into ``out``, which is there."""
        for split, parts in self.parts.items():
            pq.write_table(pa.concat_tables(parts).combine_chunks(), out / f"{split}.parquet")
        write_json(out / FIGURES, self.figures)
