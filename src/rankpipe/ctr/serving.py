"""From raw rows to click probabilities: what the predict stage and a loaded bundle both run."""

from pathlib import Path

import numpy as np
import pyarrow as pa

from rankpipe.ctr.scoring import load_model
from rankpipe.data.batches import by_length
from rankpipe.data.columns import Dictionaries
from rankpipe.data.encoders import Encoders
from rankpipe.data.parsing import parse

WORDS = 1 << 17
"""Distinct words held between blocks, before they are thrown away: a column of free text has no end of them."""


class RowScorer:
    """A trained model with its encoders. Memory is that of one block of rows and one batch, however long the table."""

    def __init__(self, model: Path, features: Path, batch_rows: int = 1024, device: str = "cpu"):
        self.encoders = Encoders.load(features)
        self.scorer = load_model(model, device)
        self.batch_rows = batch_rows
        self._renew()

    def _renew(self) -> None:
        self.dictionaries: Dictionaries = {}
        self.encoder = self.encoders.for_dictionaries(self.dictionaries)

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that a table must hold."""
        return self.encoders.schema.features()

    def probabilities(self, block: pa.RecordBatch, first_row: int = 0, where: str = "data") -> np.ndarray:
        """Raw rows (n) → (n,) float32 in their order.

        Args:
            first_row: where the block starts, for error messages.
            where: what the rows come from, the opening of an error message.

        Raises:
            InputError: a column is missing, of a wrong type, or holds a value that can't be parsed.
        """
        if sum(map(len, self.dictionaries.values())) > WORDS:
            self._renew()
        columns = parse(block, self.encoders.schema, self.dictionaries, first_row, label=False, where=where)
        out = np.empty(len(columns), np.float32)
        if not self.scorer.sequences:
            # Parsed for their statistics, and of no further use to this model.
            columns.sequences = {}
        for batch in by_length(self.encoder.encode(columns), self.batch_rows):
            out[batch.rows.numpy()] = self.scorer.probabilities(batch)
        return out
