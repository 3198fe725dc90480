"""Measuring two programs side by side: children pinned to one core, peak memory of each, medians over alternating
pairs.

Import nothing heavy here or in the scripts that call it: a child starts as a copy of its parent, and Linux counts the
parent's memory at that moment into the child's peak.
"""

import hashlib
import json
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
RESULTS = HERE / "results"
PEERS = Path(os.environ.get("RANKPIPE_PEERS", ROOT / ".venv-peers")) / "bin" / "python"
RECOMMEND_PEERS = (
    Path(os.environ.get("RANKPIPE_PEERS_RECOMMEND", ROOT / ".venv-peers-recommend")) / "bin" / "python"
)
CORE = int(os.environ.get("RANKPIPE_CORE", 0))
ONE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "POLARS_MAX_THREADS",
        "RAYON_NUM_THREADS",
        "BLOSC_NTHREADS",
    )
}


@dataclass(frozen=True)
class Measured:
    """What one child did."""

    seconds: float
    """From its start to its end, imports included."""
    peak_mb: float
    """Its own greatest resident memory, in units of 10⁶ bytes (``ru_maxrss`` of wait4)."""
    tree_mb: float
    """Greatest sum over it and its descendants, shared pages counted once, sampled four times a second."""
    said: dict[str, Any]
    """The JSON object on the last line of its standard output."""


def child(
    command: list[str | Path], core: int | None = None, cwd: Path | None = None, env: dict[str, str] | None = None
) -> Measured:
    """Runs ``command`` on one core, :data:`CORE` unless another is named, with one thread in each library.

    Raises:
        SystemExit: it failed; its last lines are shown.
    """
    environment = {
        **os.environ,
        **ONE_THREAD,
        "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "src")]),
        **(env or {}),
    }
    started = time.perf_counter()
    process = subprocess.Popen(
        [str(word) for word in command],
        cwd=cwd,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: os.sched_setaffinity(0, {CORE if core is None else core}),
    )
    texts: dict[str, str] = {}
    tree = [0.0]

    def read(name: str) -> None:
        texts[name] = getattr(process, name).read()

    def sample() -> None:
        while process.returncode is None:
            tree[0] = max(tree[0], _tree_mb(process.pid))
            time.sleep(0.25)

    threads = [threading.Thread(target=read, args=[name]) for name in ("stdout", "stderr")] + [
        threading.Thread(target=sample)
    ]
    for thread in threads:
        thread.start()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    for thread in threads:
        thread.join()
    if process.returncode != 0:
        said = f"{texts['stdout'][-2000:]}\n{texts['stderr'][-4000:]}"
        sys.exit(f"failed with {process.returncode}: {' '.join(map(str, command))}\n{said}")
    lines = [line for line in texts["stdout"].splitlines() if line.startswith("{")]
    said = json.loads(lines[-1]) if lines else {}
    return Measured(seconds, usage.ru_maxrss * 1024 / 1e6, max(tree[0], usage.ru_maxrss * 1024 / 1e6), said)


def _tree_mb(pid: int) -> float:
    """Proportional resident memory of a process and its descendants, in MB; those that end meanwhile count nothing."""
    total, waiting = 0, [pid]
    while waiting:
        process = Path("/proc") / str(waiting.pop())
        try:
            for line in (process / "smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1])
            for task in (process / "task").iterdir():
                waiting.extend(int(word) for word in (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return total * 1024 / 1e6


class Cells:
    """Measurements by name, kept on disk as they come in: a run that was stopped goes on where it was.

    They lie in ``.scratch/benchmarks/<name>.json`` until :meth:`publish` writes the table's file into git. Measurements
    of other code, params.yaml or ``options`` are dropped.
    """

    def __init__(self, name: str, fresh: bool, **options: Any):
        self.name, self.path, self.lock = name, ROOT / ".scratch" / "benchmarks" / f"{name}.json", threading.Lock()
        self.values: dict[str, Any] = {"of": _digest(options)}
        if self.path.exists() and not fresh:
            known = json.loads(self.path.read_text())
            self.values = known if known["of"] == self.values["of"] else self.values

    def get(self, key: str, measure: Callable[[], Any]) -> Any:
        """The cell ``key``, measured now unless it is known."""
        if key not in self.values:
            print(f"{key} …", file=sys.stderr, flush=True)
            measured = measure()
            with self.lock:
                self.values[key] = measured
                self.path.parent.mkdir(parents=True, exist_ok=True)
                part = self.path.with_suffix(".part")
                part.write_text(json.dumps(self.values, indent=1))
                part.replace(self.path)
        return self.values[key]

    def publish(self, table: list[dict[str, Any]], unfinished: bool = False, **about: Any) -> None:
        """Prints ``table`` and writes it, with the machine and ``about``, to ``benchmarks/results/<name>.json``; what
        was measured is forgotten then, unless more is to come.
        """
        RESULTS.mkdir(exist_ok=True)
        content = {"machine": machine(), **about, "table": table}
        (RESULTS / f"{self.name}.json").write_text(
            json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        print(text(table))
        if not unfinished:
            self.path.unlink(missing_ok=True)


def _digest(options: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(options, sort_keys=True, default=str).encode())
    files = [*(ROOT / "src").rglob("*.py"), *HERE.glob("*.py"), *(ROOT / "stages").glob("*.py"), ROOT / "params.yaml"]
    for path in sorted(files):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def median(values: list[float]) -> float:
    return statistics.median(values)


def machine() -> dict[str, Any]:
    """Processor, memory, Python and the versions of the libraries that speed hangs on."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory = int(Path("/proc/meminfo").read_text().split()[1]) * 1024 / 1e9
    names = ("torch", "numpy", "pyarrow", "h5py", "numba", "lightgbm", "scikit-learn", "accelerate")
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_gb": round(memory),
        "python": platform.python_version(),
        "versions": {name: metadata.version(name) for name in names},
    }


def text(table: list[dict[str, Any]]) -> str:
    """Rows as a Markdown table; floats keep four significant digits."""
    names = list(dict.fromkeys(name for row in table for name in row))

    def word(value: Any) -> str:
        if isinstance(value, float):
            return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"
        return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    return "\n".join(lines + ["| " + " | ".join(word(row.get(name)) for name in names) + " |" for row in table])
