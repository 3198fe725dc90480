"""Which model predict and push take, and what evaluation said of it."""

from collections.abc import Collection
from pathlib import Path
from typing import Any, Literal

from rankpipe import paths
from rankpipe.errors import InputError, nearest
from rankpipe.io.json import read_json
from rankpipe.io.tracked import restore

BEST = "best"


def chosen(track: str, size: str, wanted: str, by: str, better: Literal["higher", "lower"],
           without: Collection[str] = ()) -> str:
    """``wanted`` itself, or for ``best`` the model of the best ``valid_<by>``, the first by name among equals.

    Test has no say: it is what the choice is judged on.

    Args:
        without: models that are judged but can't do what is asked.

    Raises:
        InputError: no such model was judged, or none.
    """
    folder = paths.metrics(size, track)
    models = sorted(p.stem for p in folder.glob("*.json"))
    if not models:
        raise InputError(f"{folder}: no metrics; run dvc repro evaluate-{track}@{size}")
    # All of them, since dvc.lock notes the whole folders as what predict and push depend on.
    restore([path(size, track, model) for path in (paths.model, paths.model_scores) for model in models])
    models = [model for model in models if model not in without]
    if wanted == BEST and models:
        sign = -1 if better == "higher" else 1
        return min(models, key=lambda model: (sign * _valid(folder / f"{model}.json", by), model))
    if wanted not in models:
        raise InputError(f"params.yaml: no model '{wanted}' was judged at size {size}"
                         f"{' that can be chosen' if wanted in without or not models else ''}; "
                         f"{nearest(wanted, [BEST, *models])}")
    return wanted


def judged(track: str, size: str, model: str) -> dict[str, Any]:
    """What evaluation wrote about ``model``."""
    return read_json(paths.metrics(size, track) / f"{model}.json")


def _valid(path: Path, by: str) -> float:
    values = read_json(path)
    value = values.get(f"valid_{by}") if isinstance(values, dict) else None
    if not isinstance(value, (int, float)):
        raise InputError(f"{path}: no valid_{by}; run the evaluate stage again")
    return value
