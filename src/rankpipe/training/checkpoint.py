"""Checkpoints: safetensors and JSON, written whole, found again only by the very run that wrote them.

A run is known by its fingerprint: parameters, data, code, and what else decides its bytes. A folder with another
fingerprint is left over from another run and is emptied.
"""

import hashlib
import json
import os
import shutil
import sys
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rankpipe.errors import InputError
from rankpipe.io.digest import sha256
from rankpipe.io.tensors import load_metadata, load_tensors, save_tensors

SECONDS = "RANKPIPE_CHECKPOINT_SECONDS"
SLOTS = ("even", "odd")


def fingerprint(parts: dict[str, Any], data: list[Path]) -> str:
    """Hash of ``parts`` (what JSON can hold), the content of ``data``, the loaded code and torch's version."""
    known = {"parts": parts, "data": {str(p): _digest(p) for p in data}, "code": _code(), "torch": torch.__version__}
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _digest(path: Path) -> str:
    if not path.is_file():
        raise InputError(f"{path}: not found; run the stage that writes it (dvc repro)")
    return sha256(path)


def _code() -> dict[str, str]:
    """The modules that this process has imported: what the run executes, and nothing of other tracks."""
    files = {name: module.__file__ for name, module in sorted(sys.modules.items())
             if name.partition(".")[0] == "rankpipe" and getattr(module, "__file__", None)}
    return {name: _digest(Path(file)) for name, file in files.items()}


class Checkpoints:
    """The checkpoints of one run in ``folder``: two slots in turn, so that one of them is whole whatever happens."""

    def __init__(self, folder: Path, mark: str):
        self.folder, self.mark = Path(folder), mark
        self.count = 0
        self.seconds = _seconds()
        self.next = time.monotonic() + self.seconds

    @property
    def due(self) -> bool:
        return time.monotonic() >= self.next

    def save(self, tensors: dict[str, Tensor], state: dict[str, Any]) -> None:
        """Writes the next checkpoint; the last but one goes."""
        self.count += 1
        metadata = json.dumps({"mark": self.mark, "count": self.count, "state": state})
        save_tensors(self._path(SLOTS[self.count % 2]), tensors, metadata)
        self.next = time.monotonic() + self.seconds

    def load(self) -> tuple[dict[str, Tensor], dict[str, Any]] | None:
        """The newest readable checkpoint of this run; None where there is none, and the folder is then emptied."""
        found = []
        for slot in SLOTS:
            try:
                stored = json.loads(load_metadata(self._path(slot)) or "{}")
                if stored.get("mark") == self.mark:
                    found.append((stored["count"], slot, stored["state"]))
            except (InputError, json.JSONDecodeError):
                continue
        for count, slot, state in sorted(found, reverse=True):
            try:
                tensors = load_tensors(self._path(slot))
            except InputError:
                continue
            self.count = count
            return tensors, state
        self.remove()
        return None

    def remove(self) -> None:
        """Deletes the folder: the run is over and its outputs are written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _path(self, slot: str) -> Path:
        return self.folder / f"{slot}.safetensors"


def _seconds() -> float:
    text = os.environ.get(SECONDS, "60")
    try:
        return float(text)
    except ValueError:
        raise InputError(f"{SECONDS}={text}: expected a number of seconds") from None
