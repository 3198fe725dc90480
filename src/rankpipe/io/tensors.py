"""Named tensors as safetensors: no code runs on loading, and equal tensors give equal bytes."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file

# With two keys the order in the file changes from run to run.
_KEY = "rankpipe"


def save_tensors(path: str | Path, tensors: Mapping[str, Tensor | np.ndarray], metadata: str | None = None) -> None:
    """Writes ``tensors`` (any device, any shape, shared storage allowed) and one text beside them.

    Raises:
        OSError: the disk is full.
    """
    plain: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in tensors.items():
        tensor = torch.from_numpy(np.ascontiguousarray(value)) if isinstance(value, np.ndarray) else value.detach()
        tensor = tensor.cpu().contiguous()
        # safetensors refuses two names for one storage, and views into a larger one.
        storage = tensor.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != tensor.numel() * tensor.element_size():
            tensor = tensor.clone()
        seen.add(tensor.untyped_storage().data_ptr())
        plain[name] = tensor
    with atomic_file(path) as partial:
        try:
            save_file(plain, partial, metadata=None if metadata is None else {_KEY: metadata})
        except SafetensorError as error:
            # The library says so in words only.
            if f"os error {errno.ENOSPC}" in str(error):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
            raise


def load_tensors(path: str | Path, device: str = "cpu") -> dict[str, Tensor]:
    """Name → tensor, in order of the names.

    Raises:
        InputError: the file is missing or damaged.
    """
    with _open(path, device) as file:
        return {name: file.get_tensor(name) for name in sorted(file.keys())}


def load_metadata(path: str | Path) -> str | None:
    """The text that was saved beside the tensors.

    Raises:
        InputError: the file is missing or damaged.
    """
    with _open(path, "cpu") as file:
        return (file.metadata() or {}).get(_KEY)


def _open(path: str | Path, device: str) -> safe_open:
    if not Path(path).is_file():
        raise InputError(f"{path}: not found; run the stage that writes it (dvc repro), or fetch it (dvc pull)")
    try:
        return safe_open(path, framework="pt", device=device)
    except SafetensorError as error:
        raise InputError(f"{path}: damaged ({error}); delete it and run the stage that writes it again") from error
