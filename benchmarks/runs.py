"""One data set taken through the pipeline's own stages: once up to training, then with one seed or another.

extract, convert and features run in a workspace of their own; what follows runs in others, which link to their outputs
and hold their own params.yaml.
"""

import os
import shutil
import sys
from pathlib import Path
from typing import Any

from benchmarks.measuring import HERE, Measured, child
from benchmarks.workspace import Workspace

SIZE = "full"
BEFORE_TRAINING = ("extract", "convert", "features")


class Runs:
    """The workspaces under ``folder``."""

    def __init__(self, folder: Path, track: str, changes: dict[str, Any], data: dict[str, Path] | None = None):
        """Args:
        changes, data: as :class:`Workspace` takes them.
        """
        self.folder, self.track, self.changes = folder.resolve(), track, {"threads": 1, "device": "cpu", **changes}
        self.base = Workspace(self.folder / "base", self.changes, data, track)

    def prepare(self) -> None:
        """Runs the stages before training."""
        for stage in BEFORE_TRAINING:
            child([sys.executable, "-m", f"stages.{stage}", self.track, SIZE], cwd=self.base.folder)

    def stage(self, name: str, seed: int, verb: str, *words: str, core: int | None = None) -> Measured:
        """Runs a later stage in the workspace ``name`` with ``seed``; what it said holds ``seconds``, without its
        imports."""
        command = [sys.executable, HERE / "timed_stage.py", self.track, verb, SIZE, *words]
        return child(command, core=core, cwd=self.place(name, seed))

    def open(self, name: str, seed: int) -> None:
        """An empty workspace behind the features of this data set."""
        workspace = Workspace(self.place(name, seed), {**self.changes, "seed": seed})
        build = workspace.folder / "build" / SIZE / self.track
        shutil.rmtree(build, ignore_errors=True)
        build.mkdir(parents=True)
        for made in (self.base.folder / "build" / SIZE / self.track).iterdir():
            os.symlink(made, build / made.name)

    def place(self, name: str, seed: int) -> Path:
        return self.folder / f"{name}-{seed}"

    def scores(self, name: str, seed: int, model: str, split: str) -> Path:
        """What training leaves for ``split``."""
        return self.place(name, seed) / "build" / SIZE / self.track / "scores" / model / f"{split}.parquet"
