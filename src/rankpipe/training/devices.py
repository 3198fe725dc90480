"""Where training runs: CPU, GPU, or several processes, by accelerate."""

import atexit
import importlib.util
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState, PartialState

from rankpipe.errors import InputError
from rankpipe.training.params import Training


def resolve(device: str) -> str:
    """``auto``, ``cpu`` or ``cuda`` → ``cpu`` or ``cuda``.

    Raises:
        InputError: no such device here.
    """
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if device not in ("cpu", "cuda"):
        raise InputError(f"params.yaml: device: {device!r} is not a choice; known: auto, cpu, cuda")
    if device == "cuda" and not torch.cuda.is_available():
        raise InputError("params.yaml: device: cuda: no GPU that PyTorch can use; set auto or cpu")
    return device


def accelerator(training: Training, device: str, folder: Path | None = None) -> Accelerator:
    """The process's share of a run; ``accelerate launch`` or ``torchrun`` decide how many processes there are.

    Args:
        device: ``cpu`` or ``cuda``, see :func:`resolve`.
        folder: where the tracker writes, if there is one.

    Raises:
        InputError: fp16 on a CPU, or a tracker that isn't installed.
    """
    if training.precision == "fp16" and device == "cpu":
        raise InputError("params.yaml: training.precision: fp16 needs a GPU; set bf16 or fp32")
    # accelerate keeps one precision a process, where a process may well train several models one after the other.
    AcceleratorState._reset_state(reset_partial_state=False)
    precision = "no" if training.precision == "fp32" else training.precision
    tracker = None if training.tracker == "none" else training.tracker
    # accelerate would only warn, and track nothing.
    if tracker is not None and importlib.util.find_spec(tracker) is None:
        raise InputError(f"params.yaml: training.tracker: {tracker} isn't installed; "
                         f"pip install {tracker}, or set none")
    # At the end of the process, not of a run, as accelerate would: there may be more runs to come.
    atexit.register(_leave)
    return Accelerator(cpu=device == "cpu", mixed_precision=precision, log_with=tracker, project_dir=folder)


def _leave() -> None:
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        torch.distributed.destroy_process_group()


def start_tracker(run: Accelerator, training: Training, name: str, config: dict[str, Any]) -> None:
    """Opens the tracker that ``training`` names, none by default."""
    if training.tracker != "none":
        # dvclive would otherwise rewrite dvc.yaml in the middle of a repro.
        quiet = {"dvclive": {"dir": str(run.logging_dir or name), "dvcyaml": False, "save_dvc_exp": False}}
        run.init_trackers(name, {k: v for k, v in config.items() if isinstance(v, (int, float, str, bool))}, quiet)


def end_tracker(run: Accelerator) -> None:
    for tracker in run.trackers:
        tracker.finish()


def processes(device: str) -> tuple[int, int]:
    """(rank, number of processes) of a run on ``cpu`` or ``cuda``."""
    state = PartialState(cpu=device == "cpu")
    return state.process_index, state.num_processes
