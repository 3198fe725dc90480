"""A trained model as a function from slates to scores, whatever its kind."""

from dataclasses import asdict
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from rankpipe.errors import InputError
from rankpipe.fusion.batches import Examples
from rankpipe.fusion.inputs import MODALITIES, TRACK, Batch, Inputs
from rankpipe.fusion.models import model_class
from rankpipe.io.modelfolder import CONFIG, Config, read_config, write_config
from rankpipe.io.tensors import load_tensors, save_tensors
from rankpipe.params import block
from rankpipe.training.devices import resolve

WEIGHTS = "model.safetensors"


class Scorer(Protocol):
    """What :func:`load_model` gives."""

    name: str
    inputs: Inputs

    def scores(self, batch: Batch) -> np.ndarray:
        """(m,) float32, the higher the better; only differences within a slate mean anything."""
        ...

    def attention(self, batch: Batch) -> np.ndarray | None:
        """(m, 3) float32 weights of image, text and attributes, zero for what is missing and summing to 1 elsewhere;
        None where the model has none."""
        ...


class NeuralScorer:
    """A module in evaluation mode, on a device."""

    def __init__(self, name: str, model: nn.Module, inputs: Inputs, device: str | torch.device = "cpu"):
        self.name, self.inputs, self.device = name, inputs, torch.device(device)
        self.model = model.to(self.device).eval()

    @torch.inference_mode()
    def scores(self, batch: Batch) -> np.ndarray:
        if not len(batch.features):
            return np.zeros(0, np.float32)
        return self.model(self._moved(batch)).float().mean(1).cpu().numpy()

    @torch.inference_mode()
    def attention(self, batch: Batch) -> np.ndarray | None:
        if not hasattr(self.model, "weights_of"):
            return None
        if not len(batch.features):
            return np.zeros((0, len(MODALITIES)), np.float32)
        return self.model.weights_of(self._moved(batch)).float().cpu().numpy()

    def _moved(self, batch: Batch) -> Batch:
        return batch if self.device.type == "cpu" else batch.to(self.device)


class PlainScorer:
    """A model that isn't a module."""

    def __init__(self, name: str, model: Any):
        self.name, self.inputs, self.model = name, model.inputs, model

    def scores(self, batch: Batch) -> np.ndarray:
        return self.model.scores(batch)

    def attention(self, batch: Batch) -> None:
        return None


def score_all(scorer: Scorer, examples: Examples) -> np.ndarray:
    """(m,) float32 score of every candidate, in order of the slates.

    Raises:
        InputError: the model was trained on data of another shape, or a score is no number.
    """
    fits(scorer, examples.inputs)
    found = np.concatenate([scorer.scores(batch) for batch in examples.in_order()] or [np.zeros(0, np.float32)])
    if not np.isfinite(found).all():
        raise InputError(f"{scorer.name}: {int((~np.isfinite(found)).sum())} of {len(found)} scores are no number; "
                         "lower lr and train again")
    return found


def attend_all(scorer: Scorer, examples: Examples) -> np.ndarray | None:
    """(m, 3) float32, see :meth:`Scorer.attention`."""
    found = [scorer.attention(batch) for batch in examples.in_order()]
    return None if not found or found[0] is None else np.concatenate(found)


def fits(scorer: Scorer, inputs: Inputs) -> None:
    """Raises InputError where the data don't have the shape that the model was trained on."""
    if scorer.inputs != inputs:
        raise InputError(f"{scorer.name} was trained on other features than these ({len(scorer.inputs.features)} named "
                         f"ones and vectors {scorer.inputs.query}, {scorer.inputs.widths}, against "
                         f"{len(inputs.features)} and {inputs.query}, {inputs.widths}); train it again")


def scorer_of(name: str, model: Any, inputs: Inputs, device: str | torch.device = "cpu") -> Scorer:
    """A trained model as a scorer."""
    return NeuralScorer(name, model, inputs, device) if model.neural else PlainScorer(name, model)


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
        return PlainScorer(config.model, kind.load(folder, inputs, params))
    tensors = load_tensors(folder / WEIGHTS)
    model = kind(inputs, params)
    try:
        model.shape(tensors)
        model.load_state_dict(tensors)
    except (KeyError, RuntimeError) as error:
        raise InputError(f"{folder / WEIGHTS}: not the weights of this {config.model} ({error}); train it again"
                         ) from error
    return NeuralScorer(config.model, model, inputs, resolve(device))
