"""Takes a bundle to where its users look for it."""

import shutil
from pathlib import Path
from typing import Any

from rankpipe.errors import InputError
from rankpipe.hub.bundle import MANIFEST
from rankpipe.hub.upload import upload
from rankpipe.io.atomic import atomic_folder


def to_folder(bundle: Path, folder: Path) -> dict[str, Any]:
    """Copies ``bundle`` to ``folder``, whole or not at all; a bundle that is there is replaced.

    Raises:
        InputError: ``folder`` holds something else.
    """
    if folder.resolve() != bundle.resolve():
        free = not folder.exists() or (folder.is_dir() and not any(folder.iterdir()))
        if not free and not (folder / MANIFEST).is_file():
            raise InputError(f"{folder}: holds something else than a bundle, and isn't replaced; name another folder")
        with atomic_folder(folder) as partial:
            shutil.copytree(bundle, partial, dirs_exist_ok=True)
    return {"folder": folder.as_posix()}


def to_hub(bundle: Path, repo: str, revision: str | None, private: bool, message: str) -> dict[str, Any]:
    """Uploads ``bundle``; see :func:`rankpipe.hub.upload.upload`."""
    sent = upload(bundle, repo, revision, private, message)
    return {"repo": sent.repo, "revision": sent.revision, "commit": sent.commit, "endpoint": sent.endpoint}
