"""The cells of train, one a model: which there are, and what each leaves beside its scores. Needs no torch."""

import csv
import importlib
import math
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from rankpipe import params, paths
from rankpipe.errors import InputError, nearest

CURVE = "curve.csv"
Curve = list[dict[str, float]]


def named(values: dict[str, Any], track: str, registry: Collection[str]) -> list[str]:
    """The models of ``<track>.models``, in its order; ``values`` is the whole of params.yaml.

    Raises:
        InputError: none, or one that isn't in the registry.
    """
    models = params.get(values, f"{track}.models")
    if not isinstance(models, dict) or not models:
        raise InputError(f"params.yaml: {track}.models: expected keys, one a model, got {models!r}")
    return known(list(models), registry, f"{track}.models")


def known(models: list[str], registry: Collection[str], key: str) -> list[str]:
    """``models``, as they stand under ``key``.

    Raises:
        InputError: one isn't in the registry.
    """
    for model in models:
        if model not in registry:
            raise InputError(f"params.yaml: {key}: no model '{model}'; {nearest(model, registry)}")
    return models


def write_curve(path: Path, curve: Curve, names: Sequence[str] = ()) -> None:
    """Writes ``names`` first, in their order, also where the curve holds none of them; then what else it holds."""
    names = ["epoch", "step", "lr", "train_loss", *names]
    names += [name for name in (curve[0] if curve else ()) if name not in names]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(curve)


def read_curve(track: str, size: str, model: str, name: str = CURVE) -> Curve:
    """A model's learning curve, beside its scores; NaN where it reports nothing.

    Args:
        name: of the file, where a model was trained more than once.

    Raises:
        InputError: missing, or not a table of numbers.
    """
    path = scores_file(track, size, model, name)
    with path.open(newline="", encoding="utf-8") as stream:
        try:
            return [{k: float(v) if v else math.nan for k, v in line.items()} for line in csv.DictReader(stream)]
        except (TypeError, ValueError) as error:
            raise InputError(f"{path}: not a table of numbers ({error}); run dvc repro {cell(track, size, model)}"
                             ) from error


def scores_file(track: str, size: str, model: str, name: str) -> Path:
    """A file that train left beside a model's scores.

    Raises:
        InputError: the model has no scores yet.
    """
    path = paths.model_scores(size, track, model) / name
    if not path.is_file():
        raise InputError(f"{path}: not found, '{model}' has no scores yet; run dvc repro {cell(track, size, model)}")
    return path


def cell(track: str, size: str, model: str) -> str:
    """``train-ctr@toy-lr``; ``simcse-embedding@toy`` for a model that the track names in ``OWN_STAGES``."""
    own = getattr(importlib.import_module(f"rankpipe.{track}"), "OWN_STAGES", ())
    return f"{model}-{track}@{size}" if model in own else f"train-{track}@{size}-{model}"


def leftovers(track: str, size: str, models: Iterable[str]) -> list[str]:
    """Models that have scores but are no longer in params.yaml."""
    folder = paths.scores(size, track)
    if not folder.is_dir():
        return []
    held = {path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")}
    return sorted(held - set(models))
