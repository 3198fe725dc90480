"""Outputs that appear whole or not at all: written beside their place under a hidden name, then renamed into it.

The hidden name is always the same, so that what a killed run left behind is swept away by the next one. Guards against
killed processes and full disks, not against power cuts (nothing is forced to the disk).
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _partial(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """A path to write to; it becomes ``path`` when the block ends well, and vanishes when it ends in an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = _partial(path)
    _remove(partial)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        _remove(partial)


@contextmanager
def atomic_folder(path: str | Path) -> Iterator[Path]:
    """An empty folder to fill; it replaces ``path`` when the block ends well, and vanishes when it ends in an error.

    An older folder at ``path`` stays until then. Between the two renames ``path`` is missing for an instant.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial, old = _partial(path), path.with_name(f".{path.name}.old")
    _remove(partial)
    partial.mkdir()
    try:
        yield partial
        _remove(old)
        if path.exists():
            os.replace(path, old)
        os.replace(partial, path)
    finally:
        _remove(partial)
        _remove(old)
