"""From encoded inputs to vectors: the one place where models look up columns, histories and targets."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from rankpipe.ctr.inputs import Inputs
from rankpipe.data.ragged import Batch
from rankpipe.errors import InputError
from rankpipe.nn.embedding import FieldTable, NumericVectors

History = Literal["none", "mean"]


class Fields(nn.Module):
    """Embeddings of everything in a batch.

    A sequence field and its target column use the same rows where the schema says ``shared``. A field without a target
    column (the rating that is still to be given) has one more row, the vector of the unknown.

    Args:
        inputs: names and vocabulary sizes.
        dim: D, the width of each vector.
        histories: ``none`` leaves sequences out, ``mean`` adds each sequence field's mean as a further field,
            ``tokens`` is for models that read :meth:`history` and :meth:`target`.
    """

    def __init__(self, inputs: Inputs, dim: int, histories: Literal["none", "mean", "tokens"] = "none"):
        super().__init__()
        self.inputs, self.dim, self.histories = inputs, dim, histories
        sizes: dict = dict(inputs.categorical)
        shared: dict = {}
        for group, sequence in inputs.sequences.items() if histories != "none" else ():
            for field, size in sequence.fields.items():
                if sequence.shared and field in sequence.target:
                    shared[group, field] = sequence.target[field]
                else:
                    sizes[group, field] = size
                if histories == "tokens" and sequence.target and field not in sequence.target:
                    sizes[group, field, "unknown"] = 2
        self.table = FieldTable(sizes, dim, shared) if sizes else None
        self.numerics = NumericVectors(len(inputs.numeric), dim) if inputs.numeric else None
        pooled = self.pooled_groups()
        self.count = len(inputs.categorical) + sum(len(inputs.sequences[g].fields) for g in pooled)
        if histories != "tokens" and not (self.count or inputs.numeric):
            raise InputError("params.yaml: ctr.schema: only sequence columns, which a model with 'history: none' "
                             "leaves out; set its 'history: mean' or use din, bst or feseq")

    def pooled_groups(self) -> tuple[str, ...]:
        """Sequence groups that enter as means: all with ``mean``, those that have no target with ``tokens``."""
        if self.histories == "none":
            return ()
        return tuple(g for g, s in self.inputs.sequences.items() if self.histories == "mean" or not s.target)

    def targeted_groups(self, model: str) -> tuple[str, ...]:
        """Sequence groups with a target.

        Raises:
            InputError: there is none, which ``model`` can't do without.
        """
        groups = tuple(g for g, s in self.inputs.sequences.items() if s.target)
        if not groups:
            raise InputError(f"params.yaml: ctr.schema.sequence: {model} needs a sequence group with a target column "
                             "(target: {item: ad_id}); name one, or take the model out of ctr.models")
        return groups

    def weight(self) -> Tensor | None:
        """(N, D) vectors of the numerics; None without numerics."""
        return None if self.numerics is None else self.numerics.weight

    def vectors(self, batch: Batch) -> Tensor:
        """(B, count, D): categorical columns, then pooled sequence fields. Numerics stay apart, see :meth:`weight`."""
        parts = [batch.numeric.new_zeros(len(batch), 0, self.dim)]
        if self.inputs.categorical:
            parts.append(self.table(self.table.columns(batch.categorical, self.inputs.categorical)))
        for group in self.pooled_groups():
            ragged = batch.sequences[group]
            for field in self.inputs.sequences[group].fields:
                rows = self.table.rows(ragged.fields[field], (group, field))
                means = F.embedding_bag(rows, self.table.weight, ragged.offsets[:-1], mode="mean", padding_idx=0)
                parts.append(means[:, None])
        return torch.cat(parts, 1)

    def all(self, batch: Batch) -> Tensor:
        """(B, count + N, D): :meth:`vectors`, then x·w of each numeric."""
        vectors = self.vectors(batch)
        return vectors if self.numerics is None else torch.cat([vectors, self.numerics(batch.numeric)], 1)

    def columns(self, batch: Batch, names: tuple[str, ...]) -> Tensor:
        """(B, len(names), D) of chosen categorical columns."""
        order = list(self.inputs.categorical)
        chosen = batch.categorical[:, [order.index(n) for n in names]]
        return self.table(self.table.columns(chosen, names))

    def history(self, batch: Batch, group: str) -> Tensor:
        """(T, fields, D): the group's items end to end."""
        ragged = batch.sequences[group]
        fields = self.inputs.sequences[group].fields
        return self.table(torch.stack([self.table.rows(ragged.fields[f], (group, f)) for f in fields], 1))

    def target(self, batch: Batch, group: str) -> Tensor:
        """(B, fields, D): the row's own values of the group's fields, the vector of the unknown where it has none."""
        sequence = self.inputs.sequences[group]
        order = list(self.inputs.categorical)
        rows = []
        for field in sequence.fields:
            column = sequence.target.get(field)
            if column is None:
                ones = torch.ones(len(batch), dtype=torch.int64, device=batch.categorical.device)
                rows.append(self.table.rows(ones, (group, field, "unknown")))
            else:
                rows.append(self.table.rows(batch.categorical[:, order.index(column)], column))
        return self.table(torch.stack(rows, 1))


class FirstOrder(nn.Module):
    """The first-order part that LR, FM and DeepFM have in common: a weight for each category and number, and a bias."""

    def __init__(self, inputs: Inputs, history: History = "none"):
        super().__init__()
        self.fields = Fields(inputs, 1, history)
        self.bias = nn.Parameter(torch.zeros(1))

    def forward(self, batch: Batch) -> Tensor:
        """(B,) logits."""
        logits = self.bias + self.fields.vectors(batch).sum((1, 2))
        weight = self.fields.weight()
        return logits if weight is None else logits + (batch.numeric @ weight).squeeze(1)
