"""One data set taken through the pipeline's own stages: once up to training, then a model and a seed at a time.

extract, convert and features run in a workspace of their own; each (model, seed) trains in another, which links to
their outputs and holds its own params.yaml.
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

    def train(self, model: str, seed: int, core: int = 0, changes: dict[str, Any] | None = None) -> Measured:
        """Runs the train stage; what it said holds ``seconds``, without its imports."""
        workspace = Workspace(self.place(model, seed), {**self.changes, "seed": seed, **(changes or {})})
        build = workspace.folder / "build" / SIZE / self.track
        shutil.rmtree(build, ignore_errors=True)
        build.mkdir(parents=True)
        for made in (self.base.folder / "build" / SIZE / self.track).iterdir():
            os.symlink(made, build / made.name)
        return child([sys.executable, HERE / "timed_stage.py", self.track, "train", SIZE, model],
                     core=core % os.cpu_count(), cwd=workspace.folder)  # fmt: skip

    def place(self, model: str, seed: int) -> Path:
        return self.folder / f"{model}-{seed}"

    def scores(self, model: str, seed: int, split: str) -> Path:
        """What training leaves for ``split``."""
        return self.place(model, seed) / "build" / SIZE / self.track / "scores" / model / f"{split}.parquet"
