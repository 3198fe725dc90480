"""Columns of codes and raw numbers → a batch of vocabulary indices and scaled numbers, by table lookups only."""

import numpy as np
import torch

from rankpipe.data.columns import Columns, Dictionaries, Sequences
from rankpipe.data.newest import newest
from rankpipe.data.ragged import Batch, Ragged
from rankpipe.data.scaler import Scaler
from rankpipe.data.schema import Schema
from rankpipe.data.vocabulary import PADDING, NumberLookup, Vocabulary


class Encoder:
    """Encodes blocks whose text columns are codes into ``dictionaries``.

    Words that parsing adds to a dictionary later are looked up when they first appear.
    """

    def __init__(self, schema: Schema, vocabularies: dict[str, Vocabulary], scaler: Scaler, max_len: int,
                 dictionaries: Dictionaries):
        self.schema, self.scaler, self.max_len, self.dictionaries = schema, scaler, max_len, dictionaries
        self.vocabularies = vocabularies
        self.numbers: dict[str, NumberLookup] = {}
        self.words: dict[str, np.ndarray] = {}
        for name, group in schema.sequence.items():
            for f in group.fields:
                if group.items == "int":
                    self.numbers[f"{name}.{f}"] = NumberLookup(vocabularies[f"{name}.{f}"])
        self.starts, self.flat = np.zeros(0, np.int64), np.zeros(0, np.int64)
        self._tables()

    def encode(self, columns: Columns, index: np.ndarray | None = None) -> Batch:
        """The rows ``index`` (B,) of ``columns``, all of them by default, each with the newest ``max_len`` items.

        Indices come as int64, ages in seconds (never below 0). Columns read without sequences give a batch without.
        """
        self._tables()
        codes = columns.categorical if index is None else columns.categorical[index]
        numeric = columns.numeric if index is None else columns.numeric[index]

        def chosen(x: np.ndarray | None, dtype: type) -> torch.Tensor | None:
            if x is None:
                return None
            return torch.from_numpy((x if index is None else x[index]).astype(dtype, copy=False))

        ragged = {name: self._sequences(name, s, index, columns.timestamp) for name, s in columns.sequences.items()}
        return Batch(torch.from_numpy(self.flat[codes + self.starts]), torch.from_numpy(self.scaler(numeric)), ragged,
                     chosen(columns.label, np.float32), chosen(columns.rows, np.int64))

    def row_bytes(self, sequences: bool = True) -> int:
        """Bytes that an encoded row takes at most, item indices counted as int32."""
        total = 8 * len(self.schema.categorical) + 4 * (len(self.scaler.columns) + len(self.scaler.flags)) + 24
        if sequences:
            for group in self.schema.sequence.values():
                total += 8 + 4 * self.max_len * (len(group.fields) + (group.timestamps is not None))
        return total

    def _sequences(self, name: str, sequences: Sequences, index: np.ndarray | None, now: np.ndarray | None) -> Ragged:
        places, lengths = newest(sequences.offsets, index, self.max_len)
        fields = {}
        for f, values in sequences.fields.items():
            key = f"{name}.{f}"
            kept = values if places is None else values[places]
            indices = self.numbers[key](kept) if key in self.numbers else self.words[key][kept]
            fields[f] = torch.from_numpy(indices.astype(np.int64, copy=False))
        ages = None
        if sequences.times is not None and now is not None:
            times = sequences.times if places is None else sequences.times[places]
            row_times = np.repeat(now if index is None else now[index], lengths)
            ages = torch.from_numpy(np.maximum(row_times - times, 0).astype(np.float32))
        return Ragged(fields, torch.from_numpy(lengths), ages)

    def _tables(self) -> None:
        """Brings the lookup tables up to the dictionaries' present length."""
        grown = False
        for column, words in self.dictionaries.items():
            table = self.words.get(column)
            known = 0 if table is None else len(table)
            if column in self.vocabularies and (table is None or known < len(words)):
                fresh = self.vocabularies[column].table(words[known:])
                self.words[column] = fresh if table is None else np.concatenate([table, fresh])
                grown = True
        if grown or not len(self.starts):
            # One table for all columns; each begins with what code −1, missing, becomes.
            nothing = np.zeros(0, np.int64)
            parts = [np.concatenate([[PADDING], self.words.get(c, nothing)]) for c in self.schema.categorical]
            sizes = np.array([len(p) for p in parts], np.int64)
            self.starts = np.cumsum(sizes) - sizes + 1
            self.flat = np.concatenate(parts) if parts else np.zeros(0, np.int64)
