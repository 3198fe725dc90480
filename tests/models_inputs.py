"""Inputs and batches of every kind that models must take, made from a seed."""

import torch

from rankpipe.ctr.inputs import Inputs, SequenceInputs
from rankpipe.data.ragged import Batch, Ragged

CATEGORICAL = {"user": 6, "ad": 9, "hour": 5}
NUMERIC = ("a", "b", "c")

PLAIN = Inputs(CATEGORICAL, NUMERIC, {"seq": SequenceInputs({"item": 12}, 7, {"item": "ad"})})
SHARED = Inputs(CATEGORICAL, NUMERIC, {"seq": SequenceInputs({"item": 9, "rating": 7}, 7, {"item": "ad"}, True, True)})
TWO_GROUPS = Inputs(CATEGORICAL, NUMERIC, {"seq": SequenceInputs({"item": 9}, 7, {"item": "ad"}, True),
                                           "words": SequenceInputs({"word": 20}, 7)})
NO_NUMERIC = Inputs(CATEGORICAL, (), PLAIN.sequences)
NO_SEQUENCE = Inputs(CATEGORICAL, NUMERIC)
NO_CATEGORICAL = Inputs({}, NUMERIC)
ONLY_SEQUENCE = Inputs({}, (), {"words": SequenceInputs({"word": 20}, 7)})


def batch(inputs: Inputs, rows: int, seed: int = 0, lengths: tuple[int, ...] | None = None) -> Batch:
    """``rows`` rows with labels; histories of 0 to max_len items unless ``lengths`` are given.

    Out-of-vocabulary, the last index, stands in the first row of every column and in the first item of every field.
    """
    generator = torch.Generator().manual_seed(seed)

    def draw(size: int, count: int) -> torch.Tensor:
        values = torch.randint(1, size, (count,), generator=generator)
        values[:1] = size - 1
        return values

    columns = [draw(size, rows) for size in inputs.categorical.values()]
    sequences = {}
    for name, sequence in inputs.sequences.items():
        n = torch.randint(0, sequence.max_len + 1, (rows,), generator=generator)
        n = n if lengths is None else torch.tensor(lengths)
        total = int(n.sum())
        ages = torch.rand(total, generator=generator) * 1e6 if sequence.timestamps else None
        sequences[name] = Ragged({f: draw(size, total) for f, size in sequence.fields.items()}, n, ages)
    return Batch(torch.stack(columns, 1) if columns else torch.zeros(rows, 0, dtype=torch.int64),
                 torch.rand(rows, len(inputs.numeric), generator=generator), sequences,
                 (torch.rand(rows, generator=generator) < 0.5).float())


def chosen(whole: Batch, rows: list[int]) -> Batch:
    """Some rows of a batch as a batch."""
    sequences = {}
    for name, ragged in whole.sequences.items():
        ends = ragged.lengths.cumsum(0)
        items = [i for r in rows for i in range(int(ends[r] - ragged.lengths[r]), int(ends[r]))]
        sequences[name] = Ragged({f: v[items] for f, v in ragged.fields.items()}, ragged.lengths[rows],
                                 None if ragged.ages is None else ragged.ages[items])
    return Batch(whole.categorical[rows], whole.numeric[rows], sequences, whole.labels[rows])
