"""How much each adapter adds: the length of its contribution beside that of the state that it is added to."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from rankpipe.embedding.adapters import AdaptedModel
from rankpipe.embedding.encoder import Encoder, padded


def contributions(encoder: Encoder, texts: Sequence[str], batch_size: int = 64) -> list[dict[str, Any]]:
    """One row a layer and adapter, in the order in which a state passes them: ``layer`` (from 0), ``adapter`` and
    ``ratio``, the mean over the tokens of ``texts`` of ‖W_up·GELU(W_down·h)‖ / ‖h‖. No adapters, no rows.
    """
    if not isinstance(encoder.backbone, AdaptedModel) or not texts:
        return []
    sums: dict[tuple[int, str], float] = {}
    mask = torch.zeros(0)

    def add(key: tuple[int, str]) -> Any:
        def hook(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            ratio = output.float().norm(dim=-1) / inputs[0].float().norm(dim=-1).clamp(min=1e-12)
            sums[key] = sums.get(key, 0.0) + ratio[mask].double().sum().item()
        return hook

    hooks = [adapter.register_forward_hook(add((i, name)))
             for i, layer in enumerate(encoder.backbone.adapted_layers) for name, adapter in layer.adapters.items()]
    was_training, tokens, ids = encoder.training, 0, encoder.tokens(texts)
    encoder.eval()
    try:
        with torch.no_grad():  # what a network keeps for later must serve training too
            for start in range(0, len(ids), batch_size):
                batch = padded(ids[start:start + batch_size], encoder.pad_id, encoder.device)
                mask = batch["attention_mask"].bool()
                tokens += int(mask.sum())
                encoder(batch)
    finally:
        encoder.train(was_training)
        for hook in hooks:
            hook.remove()
    return [{"layer": layer, "adapter": name, "ratio": total / tokens} for (layer, name), total in sums.items()]
