"""First values of parameters: small normal vectors in tables, Xavier (Glorot & Bengio 2010) in linear layers."""

from torch import nn

from rankpipe.nn.embedding import NumericVectors
from rankpipe.nn.mlp import FieldLinear


def initialise(model: nn.Module, embedding_std: float = 0.01) -> None:
    """Draws every table and linear layer of ``model`` from torch's global generator.

    Rows of padding (``padding_idx``) are zero; their gradient is zero too, so they stay so.
    """
    for module in model.modules():
        if isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=embedding_std)
            if module.padding_idx is not None:
                nn.init.zeros_(module.weight[module.padding_idx].detach())
        elif isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, NumericVectors):
            nn.init.normal_(module.weight, std=embedding_std)
        elif isinstance(module, FieldLinear):
            module.reset_parameters()
