"""The bundle folder: what is shipped, and how a reader knows that it is whole and meant for it.

::

    rankpipe.json        format, track, model id, package version, data hashes, metrics, sha256 of every file below
    config.json …        the model folder as training wrote it (model.safetensors, or LightGBM's text)
    features/            fitted encoders
    schema.json          the columns that a frame must hold
    sample_request.json  one row and the score it must get, by which a user tests a load
    README.md            the model card; the only file that may be edited after sealing

Nothing in it is a pickle, and nothing that the manifest doesn't name is ever read.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import rankpipe
from rankpipe.errors import InputError, nearest
from rankpipe.io.digest import sha256
from rankpipe.io.json import read_json, write_json

FORMAT = 1
MANIFEST = "rankpipe.json"
CARD = "README.md"
REQUEST = "sample_request.json"
SCHEMA = "schema.json"
FEATURES = "features"
_UNSAFE = (".pkl", ".pickle", ".pt", ".pth", ".bin", ".joblib")


@dataclass(frozen=True)
class Manifest:
    """What ``rankpipe.json`` says."""

    track: str
    model: str
    version: str
    """Of the package that wrote the bundle."""
    metrics: dict[str, Any] = field(default_factory=dict)
    data: dict[str, Any] = field(default_factory=dict)
    """Raw file or folder → its hash."""
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Path in the bundle → ``{sha256, bytes}``."""
    format: int = FORMAT


def digests(folder: Path) -> dict[str, dict[str, Any]]:
    """Path relative to ``folder`` → sha256 and bytes, for every file in it, sorted."""
    return {p.relative_to(folder).as_posix(): {"sha256": sha256(p), "bytes": p.stat().st_size}
            for p in sorted(folder.rglob("*")) if p.is_file()}


def seal(folder: Path, track: str, model: str, metrics: dict[str, Any], data: dict[str, Any]) -> Manifest:
    """Writes the manifest over everything that lies in ``folder``: the last step of making a bundle.

    Raises:
        InputError: a file that could only be read by unpickling.
    """
    files = {name: value for name, value in digests(folder).items() if name not in (MANIFEST, CARD)}
    for name in files:
        if name.endswith(_UNSAFE):
            raise InputError(f"{folder / name}: a bundle holds no pickled file; save it as safetensors, npz or JSON")
    manifest = Manifest(track, model, rankpipe.__version__, metrics, data, files)
    write_json(folder / MANIFEST, asdict(manifest))
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest alone, checked for its format.

    Raises:
        InputError: no bundle, damaged manifest, unknown format or a path that leaves the folder.
    """
    path = folder / MANIFEST
    if not path.is_file():
        raise InputError(f"{folder}: not a rankpipe bundle, it has no {MANIFEST}")
    values = read_json(path)
    known = set(Manifest.__dataclass_fields__)
    if not isinstance(values, dict) or "format" not in values:
        raise InputError(f"{path}: no format number; fetch the bundle again")
    if values["format"] != FORMAT:
        raise InputError(f"{path}: bundle format {values['format']!r}, and rankpipe {rankpipe.__version__} reads "
                         f"format {FORMAT}; install the version that wrote it ({values.get('version', 'unknown')})")
    for key in sorted({"track", "model", "version", "files"} - set(values)):
        raise InputError(f"{path}: key '{key}' is missing; fetch the bundle again")
    for key in sorted(set(values) - known):
        raise InputError(f"{path}: unknown key '{key}'; {nearest(key, known)}")
    if not isinstance(values["files"], dict):
        raise InputError(f"{path}: 'files' is not a mapping; fetch the bundle again")
    for name in values["files"]:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or name.endswith(_UNSAFE):
            raise InputError(f"{path}: refuses the file name '{name}'")
    return Manifest(**values)


def read_bundle(folder: Path) -> Manifest:
    """The manifest, after every file it names was found with the hash it states.

    Raises:
        InputError: as :func:`read_manifest`; a missing or changed file.
    """
    manifest = read_manifest(folder)
    for name, stated in manifest.files.items():
        path = folder / name
        if not path.is_file():
            raise InputError(f"{path}: missing from the bundle; fetch it again")
        if not isinstance(stated, dict) or sha256(path) != stated.get("sha256"):
            raise InputError(f"{path}: its sha256 is not the one in {MANIFEST}; corrupt or edited; fetch it again")
    return manifest
