"""The choice of raw rows that extract hands to convert: one byte a row."""

import io
from pathlib import Path

import numpy as np

from rankpipe.errors import InputError


def save_selection(path: Path, marks: np.ndarray) -> None:
    """``marks`` (N,) uint8."""
    buffer = io.BytesIO()  # into a file numpy writes by a call that loses the reason when the disk is full
    np.save(buffer, marks, allow_pickle=False)
    path.write_bytes(buffer.getbuffer())


def load_selection(path: Path) -> np.ndarray:
    """(N,) uint8, left on the disk and read as it is used.

    Raises:
        InputError: missing or damaged.
    """
    if not path.is_file():
        raise InputError(f"{path}: not found; run extract (dvc repro), or fetch it (dvc pull)")
    try:
        marks = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise InputError(f"{path}: not a whole selection ({error}); delete it and run extract again") from error
    if marks.ndim != 1 or marks.dtype != np.uint8:
        raise InputError(f"{path}: not a selection of rows; delete it and run extract again")
    return marks
