"""Optimisers by name, and their state as named tensors."""

from typing import Any

import torch
from torch import Tensor, nn

from rankpipe.nn.embedding import embedding_parameters
from rankpipe.training.params import Training


def optimizer(model: nn.Module, training: Training) -> torch.optim.Optimizer:
    """Adam, AdamW or SGD over all parameters, each step one fused call."""
    parameters = list(model.parameters())
    if training.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr=training.lr, fused=True)
    if training.optimizer == "adam":
        return torch.optim.Adam(parameters, lr=training.lr, fused=True)
    tables = {id(p) for _, p in embedding_parameters(model)}
    matrices = [p for p in parameters if p.ndim > 1 and id(p) not in tables]
    decayed = {id(p) for p in matrices}
    groups = [{"params": matrices, "weight_decay": training.weight_decay},
              {"params": [p for p in parameters if id(p) not in decayed], "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=training.lr, fused=True)


def state_tensors(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """``<parameter>/<moment>`` → tensor."""
    return {f"{name}/{key}": value for name, p in model.named_parameters()
            for key, value in optimizer.state.get(p, {}).items() if isinstance(value, Tensor)}


def restore_state(model: nn.Module, optimizer: torch.optim.Optimizer, tensors: dict[str, Tensor]) -> None:
    """Undoes :func:`state_tensors`."""
    parameters = dict(model.named_parameters())
    for path, value in tensors.items():
        name, _, key = path.rpartition("/")
        state: dict[str, Any] = optimizer.state[parameters[name]]
        state[key] = value.to(parameters[name].device)


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = lr
