"""A folder that the pipeline's stages take for a repository root: params.yaml with changes, raw data, nothing else.

Stages run there as DVC would run them, one process each: ``python -m stages.convert ctr full``.
"""

import os
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.measuring import ROOT


class Workspace:
    """A repository root at ``folder``; artefacts of earlier runs in it stay."""

    def __init__(self, folder: Path, changes: dict[str, Any], data: dict[str, Path] | None = None,
                 track: str = "ctr"):
        """Args:
        changes: dotted key of params.yaml → the value that replaces what stands there.
        data: name under ``data/<track>`` → file that it links to.
        """
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.params = YAML(typ="safe", pure=True).load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        self.change(changes)
        for name, source in (data or {}).items():
            link = self.folder / "data" / track / name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.unlink(missing_ok=True)
            os.symlink(source.resolve(), link)

    def change(self, changes: dict[str, Any]) -> None:
        """Writes params.yaml anew with ``changes``."""
        for key, value in changes.items():
            node = self.params
            *above, last = key.split(".")
            for part in above:
                node = node[part]
            node[last] = value
        with (self.folder / "params.yaml").open("w", encoding="utf-8") as file:
            YAML(typ="safe", pure=True).dump(self.params, file)
