"""Bottleneck adapters after every layer of a transformer, alone (Houlsby et al., ICML 2019) or one on top of the other
(MAD-X: Pfeiffer et al., EMNLP 2020): h ← h + W_up·GELU(W_down·h), first the language's, then the task's.

W_up is zero at the start, so that the network begins as its base, bit for bit, and gets a gradient at the first step.

Not from a library: peft (0.21) has no bottlenecks, and adapters (1.3), which has both, goes with transformers 4 only.

This file is copied into the folder of every model with adapters and needs torch and transformers only. It is run from
there where somebody says ``trust_remote_code=True``; where this module is imported, its classes are used and nothing in
the folder is run.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import AutoConfig, AutoModel, PretrainedConfig, PreTrainedModel

MODEL_TYPE = "adapted"


class AdaptedConfig(PretrainedConfig):
    """A base's configuration, and the adapters in the order in which a state passes them.

    Args:
        base: as its own ``to_dict`` gives it.
        adapters: [{"name": …, "rank": …}, …]
    """

    model_type = MODEL_TYPE
    _COPIED = ("hidden_size", "num_hidden_layers", "vocab_size", "max_position_embeddings", "pad_token_id")
    """From the base's, under the names that all networks answer to."""

    def __init__(self, base: dict[str, Any] | None = None, adapters: list[dict[str, Any]] | None = None, **others: Any):
        self.base, self.adapters = dict(base or {}), [dict(one) for one in adapters or []]
        if self.base:
            known = self.base_config()
            others |= {name: getattr(known, name) for name in self._COPIED if hasattr(known, name)}
        super().__init__(**others)

    def base_config(self) -> PretrainedConfig:
        return AutoConfig.for_model(**self.base)


class Bottleneck(nn.Module):
    """W_up·GELU(W_down·h): what an adapter adds to a state.

    Args:
        dim: of the states.
        rank: of what passes between.
    """

    def __init__(self, dim: int, rank: int):
        super().__init__()
        self.down = nn.Linear(dim, rank, bias=False)
        self.up = nn.Linear(rank, dim, bias=False)
        self.begin()

    def begin(self) -> None:
        """W_down as in the transformers that it is put into, W_up zero."""
        nn.init.normal_(self.down.weight, std=0.02)
        nn.init.zeros_(self.up.weight)

    def forward(self, h: Tensor) -> Tensor:
        return self.up(F.gelu(self.down(h)))


class AdaptedLayer(nn.Module):
    """A layer of the base, and the adapters behind it, which a state passes in their order."""

    def __init__(self, layer: nn.Module, dim: int, adapters: list[dict[str, Any]]):
        super().__init__()
        self.layer = layer
        self.adapters = nn.ModuleDict({one["name"]: Bottleneck(dim, one["rank"]) for one in adapters})

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        output = self.layer(*args, **kwargs)
        h = output[0] if isinstance(output, tuple) else output
        for adapter in self.adapters.values():
            h = h + adapter(h)
        return (h, *output[1:]) if isinstance(output, tuple) else h

    def __getattr__(self, name: str) -> Any:
        # Some networks ask a layer for its kind of attention.
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(super().__getattr__("layer"), name)


class AdaptedModel(PreTrainedModel):
    """Any encoder of transformers whose layers stand in one list, with adapters behind each of them."""

    config_class = AdaptedConfig
    base_model_prefix = "adapted"
    _supports_sdpa = True
    _supports_attention_backend = True

    def __init__(self, config: AdaptedConfig):
        super().__init__(config)
        self.network = AutoModel.from_config(config.base_config())
        wrap_layers(self.network, config)
        self.post_init()

    @torch.no_grad()
    def _init_weights(self, module: nn.Module) -> None:
        if isinstance(module, Bottleneck):
            module.begin()

    def get_input_embeddings(self) -> nn.Module:
        return self.network.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Module) -> None:
        self.network.set_input_embeddings(value)

    def save_pretrained(self, *args: Any, **kwargs: Any) -> Any:
        # The base may have got new tokens since.
        self.config.base = _stated(self.network.config) | {"vocab_size": self.get_input_embeddings().weight.shape[0]}
        return super().save_pretrained(*args, **kwargs)

    def forward(self, input_ids: Tensor | None = None, attention_mask: Tensor | None = None, **others: Any) -> Any:
        return self.network(input_ids=input_ids, attention_mask=attention_mask, **others)

    @property
    def adapted_layers(self) -> list[AdaptedLayer]:
        """In the order in which a state passes them."""
        return list(_list_of_layers(self.network, self.config.num_hidden_layers)[1])


def adapted(network: PreTrainedModel, adapters: list[dict[str, Any]]) -> AdaptedModel:
    """``network``, its very weights, with fresh ``adapters`` behind every layer; behind those that it has already.

    Raises:
        ValueError: its layers don't stand in one list, or an adapter's name is taken.
    """
    there = list(network.config.adapters) if isinstance(network, AdaptedModel) else []
    names = [one["name"] for one in (*there, *adapters)]
    if len(set(names)) < len(names):
        raise ValueError(f"adapters {', '.join(names)}: a name twice")
    if isinstance(network, AdaptedModel):
        network.config.adapters = [*there, *adapters]
        for layer in network.adapted_layers:
            for one in adapters:
                added = Bottleneck(network.config.hidden_size, one["rank"])
                layer.adapters[one["name"]] = added.to(layer.adapters[names[0]].down.weight.device)
        return network
    config = AdaptedConfig(_stated(network.config), adapters)
    with torch.device("meta"):
        model = AdaptedModel(config)
    wrap_layers(network, config)
    model.network = network
    return model.train(network.training)


def _stated(config: PretrainedConfig) -> dict[str, Any]:
    """What differs from the defaults; not where it was loaded from, and by which version."""
    return {k: v for k, v in config.to_diff_dict().items() if k not in ("_name_or_path", "transformers_version")}


def wrap_layers(network: PreTrainedModel, config: AdaptedConfig) -> None:
    """Puts :class:`AdaptedLayer` around every layer, in place."""
    _, layers = _list_of_layers(network, config.num_hidden_layers)
    for i, layer in enumerate(layers):
        layers[i] = AdaptedLayer(layer, config.hidden_size, config.adapters)


def _list_of_layers(network: nn.Module, count: int) -> tuple[str, nn.ModuleList]:
    found = [(name, module) for name, module in network.named_modules()
             if isinstance(module, nn.ModuleList) and len(module) == count]
    outermost = [(name, module) for name, module in found
                 if not any(name.startswith(f"{other}.") for other, _ in found)]
    if len(outermost) != 1:
        raise ValueError(f"{type(network).__name__} has {len(outermost)} lists of {count} layers, adapters need one")
    return outermost[0]


AutoConfig.register(MODEL_TYPE, AdaptedConfig, exist_ok=True)
AutoModel.register(AdaptedConfig, AdaptedModel, exist_ok=True)
