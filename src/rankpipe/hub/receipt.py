"""The receipt: what push sent where, in git, so that a score in production leads back to a commit."""

from pathlib import Path
from typing import Any

from rankpipe.hub.bundle import digests, read_manifest
from rankpipe.io.json import write_json

FORMAT = 1


def write_receipt(path: Path, bundle: Path, target: str, place: dict[str, Any], gate: dict[str, Any] | None) -> None:
    """Writes ``path``; it holds no time, so that the same bundle in the same folder gives the same bytes.

    Args:
        target: ``folder`` or ``hub``.
        place: ``{folder}``, or ``{repo, revision, commit, endpoint}``.
        gate: what the quality gate compared, None where it is switched off.
    """
    manifest = read_manifest(bundle)
    write_json(path, {"format": FORMAT, "track": manifest.track, "model": manifest.model, "version": manifest.version,
                      "target": target, **place, "gate": gate, "files": digests(bundle)})
