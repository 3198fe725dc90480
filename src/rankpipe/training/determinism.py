"""What makes two runs equal to the byte: threads, algorithms, and random numbers that depend on the step alone."""

import os

import torch

_MASK = 2**64 - 1


def deterministic(threads: int) -> None:
    """Sets the number of CPU threads, part of every sum's rounding, and asks for deterministic algorithms.

    On a GPU a few operations have none; PyTorch then warns and goes on.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True, warn_only=True)
    # Only meant to show reads of memory never written; it doubles the cost of small tensors.
    torch.utils.deterministic.fill_uninitialized_memory = False


def reseed(seed: int, step: int, rank: int = 0) -> None:
    """Random numbers of step ``step`` alone: who goes on from a checkpoint draws the same, with no state stored."""
    mixed = _mix(_mix(_mix(seed) ^ step) ^ rank)
    torch.default_generator.manual_seed(mixed)
    if torch.cuda.is_available():
        torch.cuda.manual_seed(mixed)


def _mix(x: int) -> int:
    """SplitMix64's finaliser (Steele et al., 2014): neighbours become strangers."""
    x = (x + 0x9E3779B97F4A7C15) & _MASK
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _MASK
    return x ^ (x >> 31)
