"""Clones of this working tree in temporary folders, and the commands that users type in them."""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ("dvc.lock", "metrics", "plots", "receipts")
"""What a repro writes into git; an origin starts without, so that nothing is skipped."""


def yaml() -> YAML:
    """Round trip by the rules that rankpipe.params reads by, so that comments and 1e-3 survive."""
    return YAML(typ="rt", pure=True)


@dataclass(frozen=True)
class Clone:
    """A checkout with its own environment variables: no analytics, no user's git or DVC configuration."""

    path: Path
    hash_seed: int = 0
    threads: int = 1
    """What the machine offers, as ``OMP_NUM_THREADS``."""

    def environment(self) -> dict[str, str]:
        site = str(self.path / ".git" / "site")
        return {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
                "PYTHONHASHSEED": str(self.hash_seed), "OMP_NUM_THREADS": str(self.threads),
                "DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": site,
                "DVC_GLOBAL_CONFIG_DIR": site, "DVC_SYSTEM_CONFIG_DIR": site, "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_CONFIG_SYSTEM": os.devnull, "GIT_AUTHOR_NAME": "test", "GIT_AUTHOR_EMAIL": "test@localhost",
                "GIT_COMMITTER_NAME": "test", "GIT_COMMITTER_EMAIL": "test@localhost"}

    def run(self, *words: str, fails: bool = False) -> str:
        """Standard output and error of a command, together.

        Raises:
            AssertionError: its exit status isn't zero (with ``fails``: is zero); the output is in the message.
        """
        done = subprocess.run(words, cwd=self.path, env=self.environment(), stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, check=False, errors="replace")
        assert (done.returncode != 0) == fails, f"{' '.join(words)} ended with {done.returncode}:\n{done.stdout}"
        return done.stdout

    def dvc(self, *words: str, fails: bool = False) -> str:
        return self.run("dvc", *words, fails=fails)

    def git(self, *words: str) -> str:
        return self.run("git", *words)

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", message)

    def edit_params(self, change: Callable[[Any], None]) -> None:
        """Applies ``change`` to the parsed params.yaml and writes it back."""
        path = self.path / "params.yaml"
        values = yaml().load(path.read_text(encoding="utf-8"))
        change(values)
        with path.open("w", encoding="utf-8") as file:
            yaml().dump(values, file)

    def read(self, name: str) -> str:
        return (self.path / name).read_text(encoding="utf-8")

    def lock(self) -> dict[str, Any]:
        """Stage → its entry in dvc.lock."""
        return YAML(typ="safe", pure=True).load(self.read("dvc.lock"))["stages"]

    def kill_after(self, seconds: float, *words: str) -> str | None:
        """Runs a command and kills it and its children after ``seconds``; its output, or None where it ended first."""
        end = time.monotonic() + seconds
        return self.kill_once(lambda: time.monotonic() >= end, *words)

    def kill_once(self, due: Callable[[], bool], *words: str) -> str | None:
        """Runs a command and kills it and its children once ``due`` is true; as :meth:`kill_after`."""
        log = self.path / ".git" / "killed.log"
        with log.open("w") as file:
            process = subprocess.Popen(words, cwd=self.path, env=self.environment(), stdout=file,
                                       stderr=subprocess.STDOUT, start_new_session=True)
            while process.poll() is None:
                if due():
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
                    return log.read_text(errors="replace")
                time.sleep(0.005)
        return None


def stages_run(output: str) -> list[str]:
    """Names of the stages that a repro really ran, in order."""
    return re.findall(r"^Running stage '([^']+)'", output, flags=re.MULTILINE)


def files(folder: Path, *names: str) -> dict[str, bytes]:
    """Relative path → bytes of each file among and under ``folder``'s ``names``."""
    found = [p for name in names for p in [folder / name, *(folder / name).rglob("*")]]
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(found) if p.is_file()}


def listed(*options: str) -> list[str]:
    """What ``git ls-files`` says of this working tree."""
    words = ["git", "ls-files", "-z", *options]
    output = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, check=True, text=True).stdout
    return [name for name in output.split("\0") if name]


def working_tree(folder: Path) -> Clone:
    """A new git repository with this working tree's files: those in git and those that git doesn't ignore."""
    for name in listed("--cached", "--others", "--exclude-standard"):
        if (ROOT / name).is_file() and name.split("/")[0] not in RESULTS:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    clone = Clone(folder)
    clone.git("init", "--quiet", "--initial-branch", "main")
    clone.git("add", "--all")
    for name in listed("--cached", "sample-remote"):  # ignored by git, there by force
        clone.git("add", "--force", name)
    clone.commit("Working tree")
    return clone


def clone_of(origin: Clone, folder: Path, hash_seed: int = 0, threads: int = 1) -> Clone:
    """A fresh ``git clone``: no DVC cache, no outputs."""
    clone = Clone(folder, hash_seed, threads)
    subprocess.run(["git", "clone", "--quiet", str(origin.path), str(folder)], env=origin.environment(), check=True)
    return clone


def copy_of(clone: Clone, folder: Path) -> Clone:
    """The clone with its DVC cache and outputs, as it stands."""
    shutil.copytree(clone.path, folder, symlinks=True)
    return replace(clone, path=folder)
