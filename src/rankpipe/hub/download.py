"""From a folder's path or a hub repository's name to a folder on this disk that holds the bundle's files."""

import re
from pathlib import Path

from rankpipe.errors import InputError
from rankpipe.hub.bundle import CARD, MANIFEST, read_manifest
from rankpipe.hub.errors import hub_errors

_REPO = re.compile(r"^[\w.-]+(/[\w.-]+)?$")


def fetch(folder_or_repo: str | Path, revision: str | None = None) -> Path:
    """The folder itself, or the snapshot that huggingface_hub keeps in its cache.

    Of a repository only the manifest and the files it names are downloaded, all from one commit.

    Raises:
        InputError: neither a folder nor a repository's name, or the hub refuses.
    """
    folder = Path(folder_or_repo)
    if folder.is_dir():
        if revision is not None:
            raise InputError(f"{folder}: a folder has no revision '{revision}'; name a repository, or no revision")
        return folder
    repo = str(folder_or_repo)
    if isinstance(folder_or_repo, Path) or not _REPO.match(repo):
        raise InputError(f"{repo}: no such folder, and not the name of a hub repository (org/name)")

    from huggingface_hub import snapshot_download

    with hub_errors(repo, revision):
        first = Path(snapshot_download(repo, revision=revision, allow_patterns=[MANIFEST]))
        if not (first / MANIFEST).is_file():
            raise InputError(f"{repo}: not a rankpipe bundle, the repository has no {MANIFEST}")
        # The snapshot's folder is named by its commit: a push in between can't mix two bundles.
        names = [MANIFEST, CARD, *read_manifest(first).files]
        return Path(snapshot_download(repo, revision=first.name, allow_patterns=names))
