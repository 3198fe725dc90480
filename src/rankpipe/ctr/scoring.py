"""A trained model as a function from batches to click probabilities, whatever its kind, and scores of whole splits."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from rankpipe.ctr.inputs import Inputs
from rankpipe.ctr.models import model_class
from rankpipe.data.batches import sequential
from rankpipe.data.encoders import Table
from rankpipe.data.encoding import Encoder
from rankpipe.data.ragged import Batch
from rankpipe.errors import InputError
from rankpipe.io.digest import sha256
from rankpipe.io.json import read_json, write_json
from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import block
from rankpipe.training.devices import resolve

FORMAT = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
BATCH_ROWS = 1024


class Scorer(Protocol):
    """What :func:`load_model` gives."""

    inputs: Inputs
    sequences: bool
    """False where the model reads no sequences, so that none need be read for it."""

    def probabilities(self, batch: Batch) -> np.ndarray: ...


class NeuralScorer:
    """A module in evaluation mode, on a device."""

    def __init__(self, model: nn.Module, inputs: Inputs, sequences: bool, device: str | torch.device = "cpu"):
        self.inputs, self.sequences, self.device = inputs, sequences, torch.device(device)
        self.model = model.to(self.device).eval()

    @torch.inference_mode()
    def probabilities(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        if self.device.type != "cpu":
            batch = batch.to(self.device)
        return torch.sigmoid(self.model(batch).float()).cpu().numpy()


class TreeScorer:
    """A model that isn't a module."""

    def __init__(self, model: Any, inputs: Inputs, sequences: bool):
        self.model, self.inputs, self.sequences = model, inputs, sequences

    def probabilities(self, batch: Batch) -> np.ndarray:
        """(B,) float32."""
        return self.model.probabilities(batch)


def reads_sequences(model: type, params: Any, inputs: Inputs) -> bool:
    """Whether such a model looks at ``Batch.sequences``: trees don't, nor do nets with ``history: none``."""
    return bool(inputs.sequences) and model.neural and getattr(params, "history", None) != "none"


def save_model(folder: Path, name: str, model: Any, params: Any, inputs: Inputs, about: dict[str, Any]) -> None:
    """Writes ``config.json`` and the weights (``model.safetensors``, or what the model's own ``save`` writes).

    The configuration holds the weights' sha256: one flipped bit would give other scores without a word, and LightGBM
    ends the whole process over a text that isn't a model.
    """
    if model.neural:
        save_tensors(folder / WEIGHTS, model.state_dict())
    else:
        model.save(folder)
    files = {p.name: sha256(p) for p in folder.iterdir() if p.name != CONFIG}
    write_json(folder / CONFIG, {"format": FORMAT, "track": "ctr", "model": name, "params": asdict(params),
                                 "inputs": inputs.to_json(), "files": files, **about})


def load_model(folder: Path, device: str = "cpu") -> Scorer:
    """The model in ``folder``, as :func:`save_model` wrote it.

    Args:
        device: ``cpu``, ``cuda`` or ``auto``.

    Raises:
        InputError: a file is missing, damaged, or doesn't fit the others.
    """
    folder = Path(folder)
    path = folder / CONFIG
    config = read_json(path)
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        raise InputError(f"{path}: not a model of format {FORMAT}; train it again")
    try:
        name, inputs, stored = config["model"], Inputs.from_json(config["inputs"]), config["params"]
        files = dict(config["files"])
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}: {error}); train the model again") from error
    for file, stated in files.items():
        if not (folder / file).is_file():
            raise InputError(f"{folder / file}: not found; train the model again, or fetch it (dvc pull)")
        if sha256(folder / file) != stated:
            raise InputError(f"{folder / file}: damaged, its sha256 is not the one in {CONFIG}; train the model again")
    model_type = model_class(name)
    params = block(model_type.Params, stored, f"{path}: params")
    sequences = reads_sequences(model_type, params, inputs)
    if not model_type.neural:
        return TreeScorer(model_type.load(folder, inputs, params), inputs, sequences)
    model = model_type(inputs, params)
    try:
        model.load_state_dict(load_tensors(folder / WEIGHTS))
    except RuntimeError as error:
        raise InputError(f"{folder / WEIGHTS}: not the weights of this {name} ({error}); train it again") from error
    return NeuralScorer(model, inputs, sequences, resolve(device))


def scores(scorer: Scorer, table: Table, encoder: Encoder, *, rank: int = 0,
           world: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """(positions in ``table``, probabilities) of all rows, batch by batch; rank and world as in :func:`sequential`."""
    for batch in sequential(table, encoder, BATCH_ROWS, sequences=scorer.sequences, rank=rank, world=world):
        yield batch.rows.numpy(), scorer.probabilities(batch)
