"""What train left for each model, checked against the slates that it must have scored."""

from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.cells import cell, scores_file
from rankpipe.errors import InputError
from rankpipe.fusion.dataset import TRACK, Dataset, Split
from rankpipe.fusion.inputs import MODALITIES
from rankpipe.io.parquet import iterate, open_parquet

ABLATION = "ablation.parquet"
"""Beside the scores of a model that reads modalities: test scored again with parts of the input taken away."""
SHUFFLES = "shuffles.parquet"
"""Beside the scores of a control: test as scored by nets that were trained on further shuffles."""
ABLATIONS = ("masked", "shuffled", "only")
"""A modality is hidden; each candidate gets that of another one; the two others are hidden."""
_BATCH = 1 << 16


def columns_of_ablation() -> tuple[str, ...]:
    """``masked_image`` … ``only_attributes``, then ``attention_image`` …"""
    return tuple(f"{kind}_{name}" for kind in (*ABLATIONS, "attention") for name in MODALITIES)


def scores(size: str, model: str, split: Split, data: Dataset) -> np.ndarray:
    """(m,) float64 score of each row of ``data.of(split)``.

    Raises:
        InputError: no scores, damaged, NaN, or of other queries, candidates or grades than the split's.
    """
    return _read(scores_file(TRACK, size, model, f"{split}.parquet"), ("score",), split, data,
                 f"run dvc repro {cell(TRACK, size, model)}")["score"]


def ablation(size: str, model: str, data: Dataset) -> dict[str, np.ndarray] | None:
    """Column → (m,) float64 for the rows of test, see :func:`columns_of_ablation`; None where the model reads no
    modalities. Attention is NaN where a candidate lacks all three.

    Raises:
        InputError: as :func:`scores`.
    """
    path = paths.model_scores(size, TRACK, model) / ABLATION
    if not path.is_file():
        return None
    return _read(path, columns_of_ablation(), "test", data, f"run dvc repro {cell(TRACK, size, model)}")


def shuffles(size: str, model: str, data: Dataset) -> list[np.ndarray]:
    """(m,) float64 of each further shuffle that a control was trained on; none where it was trained on one.

    Raises:
        InputError: as :func:`scores`.
    """
    path = paths.model_scores(size, TRACK, model) / SHUFFLES
    if not path.is_file():
        return []
    names = tuple(name for name in open_parquet(path).names if name.startswith("score_"))
    return list(_read(path, names, "test", data, f"run dvc repro {cell(TRACK, size, model)}").values())


def _read(path: Path, names: tuple[str, ...], split: Split, data: Dataset, remedy: str) -> dict[str, np.ndarray]:
    keys = ("query", "candidate", "grade")
    open_parquet(path).require((*keys, *names), "evaluation")
    batches = list(iterate(path, (*keys, *names), _BATCH))
    found = {name: np.concatenate([b.column(name).to_numpy(zero_copy_only=False) for b in batches] or [np.zeros(0)])
             for name in (*keys, *names)}
    codes, slates = data.of(split)
    expected = (codes[slates.queries], slates.candidates, slates.grades)
    for name, rows in zip(keys, expected, strict=True):
        if not np.array_equal(found[name], rows):
            raise InputError(f"{path}: its {len(found[name])} rows are not the {len(rows)} that were judged in {split} "
                             f"(column '{name}' differs); {remedy}")
    values = {name: found[name].astype(np.float64) for name in names}
    for name, column in values.items():
        bad = ~np.isfinite(column)
        if bad.any() and not name.startswith("attention_"):
            row = int(bad.argmax())
            query = data.queries.ids[found["query"][row]]
            raise InputError(f"{path}: {int(bad.sum())} of {len(bad)} in column '{name}' are NaN or infinite, first "
                             f"for query {query}; training diverged, lower lr and train again")
    return values
