"""A trained model as a function from pairs of user and item to ratings, whatever its kind."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from rankpipe.errors import InputError
from rankpipe.io.modelfolder import CONFIG, Config, read_config, write_config
from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import block
from rankpipe.rating.inputs import Batch, Inputs
from rankpipe.rating.models import model_class
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.table import TRACK
from rankpipe.training.devices import resolve

WEIGHTS = "model.safetensors"
BATCH_ROWS = 4096


class Scorer(Protocol):
    """What :func:`load_model` gives."""

    inputs: Inputs
    reads: tuple[str, ...]
    """The profile blocks that it reads; none need be put together for a model that reads none."""

    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32 within [low, high]."""
        ...


class NeuralScorer:
    """A module in evaluation mode, on a device."""

    def __init__(self, model: nn.Module, inputs: Inputs, device: str | torch.device = "cpu"):
        self.inputs, self.reads, self.device = inputs, model.reads, torch.device(device)
        self.model = model.to(self.device).eval()

    @torch.inference_mode()
    def ratings(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        if self.device.type != "cpu":
            batch = batch.to(self.device)
        return self.model(batch).float().cpu().numpy()


def save_model(folder: Path, name: str, model: Any, params: Any, inputs: Inputs, about: dict[str, Any]) -> None:
    """Writes the weights (``model.safetensors``, or what the model's own ``save`` writes) and ``config.json``."""
    if model.neural:
        save_tensors(folder / WEIGHTS, model.state_dict())
    else:
        model.save(folder)
    write_config(folder, TRACK, Config(name, asdict(params), asdict(inputs)), about)


def load_model(folder: Path, device: str = "cpu") -> Scorer:
    """The model in ``folder``, as :func:`save_model` wrote it.

    Args:
        device: ``cpu``, ``cuda`` or ``auto``; models that aren't nets stay on the CPU.

    Raises:
        InputError: a file is missing, damaged, or doesn't fit the others.
    """
    folder = Path(folder)
    config = read_config(folder, TRACK)
    inputs = block(Inputs, config.inputs, f"{folder / CONFIG}: inputs")
    kind = model_class(config.model)
    params = block(kind.Params, config.params, f"{folder / CONFIG}: params")
    if not kind.neural:
        return kind.load(folder, inputs, params)
    model = kind(inputs, params)
    try:
        model.load_state_dict(load_tensors(folder / WEIGHTS))
    except RuntimeError as error:
        raise InputError(f"{folder / WEIGHTS}: not the weights of this {config.model} ({error}); train it again"
                         ) from error
    return NeuralScorer(model, inputs, resolve(device))


def batch_of(profiles: Profiles, users: np.ndarray, items: np.ndarray, blocks: bool) -> Batch:
    """The pairs as a batch; codes outside the tables are unknown ones.

    Args:
        users, items: (B,) codes.
        blocks: False leaves the profiles out, for models that read none.
    """
    if blocks:
        return profiles.batch(users, items)
    known = ((users, profiles.inputs.n_users), (items, profiles.inputs.n_items))
    return Batch(*(torch.from_numpy(np.where((c < 0) | (c > n), n, c).astype(np.int64)) for c, n in known))

