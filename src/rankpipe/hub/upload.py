"""Sends a bundle to a hub repository in one commit."""

import os
from dataclasses import dataclass
from pathlib import Path

from rankpipe.errors import InputError
from rankpipe.hub.bundle import digests
from rankpipe.hub.errors import hub_errors


@dataclass(frozen=True)
class Upload:
    """Where a bundle went."""

    repo: str
    revision: str
    commit: str
    endpoint: str


def upload(folder: Path, repo: str, revision: str | None, private: bool, message: str) -> Upload:
    """Makes the repository where it is missing and replaces what the branch holds by the files of ``folder``.

    One commit carries every addition and deletion, so that no reader ever sees half of a bundle. An unchanged bundle
    makes no commit.

    Raises:
        InputError: no ``HF_TOKEN`` in the environment, or the hub refuses.
    """
    token = os.environ.get("HF_TOKEN")
    if not token:
        raise InputError("HF_TOKEN is not set; export a token with write access, or push with target: folder")

    from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

    api = HfApi(token=token)
    branch = revision or "main"
    with hub_errors(repo, branch):
        repo = api.create_repo(repo, private=private, exist_ok=True).repo_id
        if branch != "main":
            api.create_branch(repo, branch=branch, exist_ok=True)
        names = list(digests(folder))
        stale = set(api.list_repo_files(repo, revision=branch)) - set(names) - {".gitattributes"}
        operations = [CommitOperationDelete(name) for name in sorted(stale)]
        operations += [CommitOperationAdd(name, folder / name) for name in names]
        commit = api.create_commit(repo, operations, commit_message=message, revision=branch)
    return Upload(repo, branch, commit.oid, api.endpoint)
