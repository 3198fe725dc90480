"""Which model predict and push take."""

from pathlib import Path
from typing import Any

from rankpipe import paths
from rankpipe.errors import InputError, nearest
from rankpipe.io.json import read_json
from rankpipe.io.tracked import restore

TRACK = "ctr"
BEST = "best"
BY = "valid_auc"


def chosen(size: str, wanted: str) -> str:
    """``wanted`` itself, or for ``best`` the model of the greatest AUC on valid, the first by name among equals.

    Test has no say: it is what the choice is judged on.

    Raises:
        InputError: no such model was judged, or none.
    """
    folder = paths.metrics(size, TRACK)
    models = sorted(p.stem for p in folder.glob("*.json"))
    if not models:
        raise InputError(f"{folder}: no metrics; run dvc repro evaluate-{TRACK}@{size}")
    # All of them, since dvc.lock notes the whole folders as what predict and push depend on.
    restore([path(size, TRACK, model) for path in (paths.model, paths.model_scores) for model in models])
    if wanted == BEST:
        return max(models, key=lambda model: (_valid(folder / f"{model}.json"), [-ord(c) for c in model]))
    if wanted not in models:
        raise InputError(f"params.yaml: no model '{wanted}' was judged at size {size}; "
                         f"{nearest(wanted, [BEST, *models])}")
    return wanted


def metrics(size: str, model: str) -> dict[str, Any]:
    """What evaluation wrote about ``model``."""
    return read_json(paths.metrics(size, TRACK) / f"{model}.json")


def _valid(path: Path) -> float:
    values = read_json(path)
    value = values.get(BY) if isinstance(values, dict) else None
    if not isinstance(value, (int, float)):
        raise InputError(f"{path}: no {BY}; run the evaluate stage again")
    return value
