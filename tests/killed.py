"""Trains a cell in children that are killed (SIGKILL) at random moments, then once to its end.

``python killed.py FOLDER MODEL KILLS SEED [TRACK]``; prints how many children were killed between a checkpoint and
their end.
"""

import contextlib
import importlib
import math
import os
import random
import signal
import sys
import time
from pathlib import Path


def child(track: str, model: str) -> int:
    pid = os.fork()
    if not pid:
        importlib.import_module(f"rankpipe.{track}.train").train("toy", model)
        os._exit(0)
    return pid


def checkpointed() -> int:
    """When the newest checkpoint was written; 0 where there is none."""
    times = [0]
    for path in Path(".scratch").rglob("*.safetensors"):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.stat().st_mtime_ns)
    return max(times)


def killed(track: str, model: str, seconds: float) -> bool:
    """Kills a child ``seconds`` after its first checkpoint; False where it was done sooner."""
    before, pid, end = checkpointed(), child(track, model), math.inf
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        if end == math.inf and checkpointed() > before:
            end = time.monotonic() + seconds
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def main(folder: str, model: str, kills: str, seed: str, track: str = "ctr") -> None:
    os.chdir(folder)
    # So that children start with all modules loaded.
    for module in ("train", f"models.{model}"):
        importlib.import_module(f"rankpipe.{track}.{module}")
    draws = random.Random(int(seed))
    print(sum(killed(track, model, draws.uniform(0, 0.1)) for _ in range(int(kills))))
    sys.exit(os.waitpid(child(track, model), 0)[1] != 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
