"""JSON with the same bytes for the same content, written whole or not at all."""

import json
from pathlib import Path
from typing import Any

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file


def write_json(path: str | Path, obj: Any) -> None:
    """``obj`` with sorted keys, one space of indent and a newline at the end.

    Raises:
        ValueError: a NaN or an infinity, which JSON has no word for.
    """
    text = json.dumps(obj, sort_keys=True, indent=1, ensure_ascii=False, allow_nan=False)
    with atomic_file(path) as partial:
        partial.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | Path) -> Any:
    """The content of ``path``.

    Raises:
        InputError: the file is missing or isn't JSON.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: not found; run the stage that writes it (dvc repro), or fetch it (dvc pull)")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: not readable as JSON ({error}); run the stage that writes it again") from error
