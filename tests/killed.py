"""Trains a cell in children that are killed (SIGKILL) at random moments, then once to its end.

``python killed.py FOLDER MODEL KILLS SEED``; prints how many children were killed before they were done.
"""

import os
import random
import signal
import sys
import time

from rankpipe.ctr.models import model_class
from rankpipe.ctr.train import train


def child(model: str) -> int:
    pid = os.fork()
    if not pid:
        train("toy", model)
        os._exit(0)
    return pid


def killed(model: str, seconds: float) -> bool:
    """Kills a child after ``seconds``; False where it was done sooner."""
    pid, end = child(model), time.monotonic() + seconds
    while time.monotonic() < end:
        if os.waitpid(pid, os.WNOHANG)[0]:
            return False
        time.sleep(0.001)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return True


def main(folder: str, model: str, kills: str, seed: str) -> None:
    os.chdir(folder)
    model_class(model)  # so that children start with all modules loaded
    draws = random.Random(int(seed))
    print(sum(killed(model, draws.uniform(0.02, 0.25)) for _ in range(int(kills))))
    sys.exit(os.waitpid(child(model), 0)[1] != 0)


if __name__ == "__main__":
    main(*sys.argv[1:])
