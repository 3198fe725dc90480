"""Trains a cell in children that are killed (SIGKILL) at random moments, then once to its end.

``python killed.py FOLDER MODEL KILLS SEED``; prints how many children were killed between a checkpoint and their end.
"""

import contextlib
import math
import os
import random
import signal
import sys
import time
from pathlib import Path

from rankpipe.ctr.models import model_class
from rankpipe.ctr.train import train


def child(model: str) -> int:
    pid = os.fork()
    if not pid:
        train("toy", model)
        os._exit(0)
    return pid


def checkpointed() -> int:
    """When the newest checkpoint was written; 0 where there is none."""
    times = [0]
    for path in Path(".scratch").rglob("*.safetensors"):
        with contextlib.suppress(FileNotFoundError):
            times.append(path.stat().st_mtime_ns)
    return max(times)


def killed(model: str, seconds: float) -> bool:
    """Kills a child ``seconds`` after its first checkpoint; False where it was done sooner."""
    before, pid, end = checkpointed(), child(model), math.inf
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        if end == math.inf and checkpointed() > before:
            end = time.monotonic() + seconds
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def main(folder: str, model: str, kills: str, seed: str) -> None:
    os.chdir(folder)
    model_class(model)  # so that children start with all modules loaded
    draws = random.Random(int(seed))
    print(sum(killed(model, draws.uniform(0, 0.1)) for _ in range(int(kills))))
    sys.exit(os.waitpid(child(model), 0)[1] != 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
