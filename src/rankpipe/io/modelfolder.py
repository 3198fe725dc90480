"""The folder of a trained model: its files, and a ``config.json`` that says what they are and holds their sha256.

One flipped bit in the weights would give other scores without a word, and LightGBM ends the whole process over a text
that isn't a model.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankpipe.errors import InputError
from rankpipe.io.digest import sha256
from rankpipe.io.json import read_json, write_json

FORMAT = 1
CONFIG = "config.json"
_REMEDY = "train the model again, or fetch it (dvc pull)"


@dataclass(frozen=True)
class Config:
    """What ``config.json`` says of the model."""

    model: str
    """Its id in the track's registry."""
    params: dict[str, Any]
    inputs: dict[str, Any]
    """The shape of the data that it was built for."""


def write_config(folder: Path, track: str, config: Config, about: dict[str, Any]) -> None:
    """The last file to be written; ``about`` holds what else a reader may want to know, such as how it was trained."""
    files = {p.name: sha256(p) for p in sorted(folder.iterdir()) if p.name != CONFIG}
    write_json(folder / CONFIG, {"format": FORMAT, "track": track, "model": config.model, "params": config.params,
                                 "inputs": config.inputs, "files": files, **about})


def read_config(folder: Path, track: str) -> Config:
    """The configuration, after every file that it names was found with the hash that it states.

    Raises:
        InputError: a file is missing or damaged, or the folder is another track's.
    """
    path = folder / CONFIG
    values = read_json(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: not a model of format {FORMAT}; train it again")
    if values.get("track") != track:
        raise InputError(f"{path}: a model of track {values.get('track')!r}, not of {track}; name another folder")
    try:
        config = Config(str(values["model"]), dict(values["params"]), dict(values["inputs"]))
        files = dict(values["files"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}: {error}); train the model again") from error
    for file, stated in files.items():
        if not (folder / file).is_file():
            raise InputError(f"{folder / file}: not found; {_REMEDY}")
        if sha256(folder / file) != stated:
            raise InputError(f"{folder / file}: damaged, its sha256 is not the one in {CONFIG}; {_REMEDY}")
    return config
