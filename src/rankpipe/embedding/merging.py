"""Adapters without the network that they were trained on: a small file, and the way back onto their base."""

import hashlib
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rankpipe.embedding.adapters import AdaptedModel, adapted
from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.folder import load, save
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import read_json, write_json
from rankpipe.io.tensors import load_tensors, save_tensors

WEIGHTS, CONFIG = "adapters.safetensors", "adapters.json"
FORMAT = 1


def save_adapters(encoder: Encoder, folder: str | Path) -> None:
    """Writes the adapters of ``encoder``, and which base they belong to, into ``folder``; whole or not at all.

    Raises:
        InputError: it has none.
    """
    if not isinstance(encoder.backbone, AdaptedModel):
        raise InputError(f"{folder}: a {type(encoder.backbone).__name__} has no adapters; save the whole encoder")
    with atomic_folder(folder) as partial:
        layers = enumerate(encoder.backbone.adapted_layers)
        save_tensors(partial / WEIGHTS, {f"{i}.{name}": tensor for i, layer in layers
                                         for name, tensor in layer.adapters.state_dict().items()})
        write_json(partial / CONFIG, {"format": FORMAT, "adapters": encoder.backbone.config.adapters,
                                      "layers": len(encoder.backbone.adapted_layers), "dim": encoder.dim,
                                      "base": digest(base_weights(encoder))})


def merge(adapters: str | Path, base: str | Path, folder: str | Path) -> None:
    """Writes the encoder in folder ``base`` with the ``adapters`` of another folder on it into ``folder``.

    Raises:
        InputError: a file is missing or damaged, or the adapters were trained on another base.
    """
    save(with_adapters(load(base), adapters), folder)


def with_adapters(encoder: Encoder, folder: str | Path) -> Encoder:
    """``encoder`` itself, with the adapters that lie in ``folder``.

    Raises:
        InputError: as :func:`merge`.
    """
    folder = Path(folder)
    if isinstance(encoder.backbone, AdaptedModel):
        raise InputError(f"{folder}: the network has adapters already; name a base without")
    config, tensors = _config(folder / CONFIG), load_tensors(folder / WEIGHTS)
    if digest(base_weights(encoder)) != config["base"]:
        raise InputError(f"{folder}: adapters of another base, whose sha256 is {config['base'][:12]}…; name the folder "
                         "that they were trained on")
    encoder.backbone = adapted(encoder.backbone, config["adapters"]).eval()
    for i, layer in enumerate(encoder.backbone.adapted_layers):
        own = {name.partition(".")[2]: value for name, value in tensors.items() if name.startswith(f"{i}.")}
        try:
            layer.adapters.load_state_dict(own)
        except RuntimeError as error:
            raise InputError(f"{folder / WEIGHTS}: damaged ({str(error).splitlines()[-1].strip()}); "
                             "save the adapters again") from error
    return encoder


def base_weights(encoder: Encoder) -> dict[str, Tensor]:
    """The network's tensors under the names that they have without adapters."""
    network = encoder.backbone
    if not isinstance(network, AdaptedModel):
        return network.state_dict()
    inner = network.network
    where = {module: name for name, module in inner.named_modules()}
    wrapped = tuple(f"{where[layer]}." for layer in network.adapted_layers)
    found = {}
    for name, tensor in inner.state_dict().items():
        prefix = next((p for p in wrapped if name.startswith(p)), "")
        kind, _, rest = name.removeprefix(prefix).partition(".")
        if not prefix:
            found[name] = tensor
        elif kind == "layer":
            found[f"{prefix}{rest}"] = tensor
    return found


def digest(tensors: dict[str, Tensor]) -> str:
    """sha256 over names, shapes and float32 values."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().to("cpu", torch.float32).contiguous()
        total.update(f"{name} {tuple(value.shape)}\n".encode())
        total.update(value.numpy().tobytes())
    return total.hexdigest()


def _config(path: Path) -> dict[str, Any]:
    values = read_json(path)
    wanted = {"format", "adapters", "layers", "dim", "base"}
    if not isinstance(values, dict) or not wanted <= set(values) or values["format"] != FORMAT:
        raise InputError(f"{path}: not adapters of format {FORMAT}; save them again")
    return values
