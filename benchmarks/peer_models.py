"""DeepFM, DIN and BST on FuxiCTR's BaseModel, embeddings, attention and MLP.

FuxiCTR's package on PyPI holds its layers, loaders and training loop but not its model zoo, so the models are
assembled here from those parts, as the zoo documents them: DIN weighs the history by an MLP on [target, item,
difference, product]; BST runs post-norm transformer blocks over history and target on torch's MultiheadAttention with
a mask of (B·heads, L, L) and takes the mean. One thing differs: positions are added to a token, as in our BST, where
the zoo appends them and so works on tokens of twice the width. That is in FuxiCTR's favour.
"""

import torch
from fuxictr.pytorch.layers import (
    DIN_Attention,
    FactorizationMachine,
    FeatureEmbedding,
    FeatureEmbeddingDict,
    MLP_Block,
)
from fuxictr.pytorch.models import BaseModel
from torch import Tensor, nn

TARGET, HISTORY = "inventory_id", "seq"


class Ranker(BaseModel):
    """The common end of the three: an MLP with a sigmoid, Adam at 1e-3, binary cross-entropy."""

    def finish(self, width: int, hidden_dims: list[int], activation: bool) -> None:
        self.mlp = MLP_Block(
            width,
            hidden_units=hidden_dims,
            output_dim=1,
            output_activation=self.output_activation if activation else None,
        )
        self.compile("adam", "binary_crossentropy", 1e-3)
        self.reset_parameters()
        self.model_to_device()


class DeepFM(Ranker):
    """Factorisation machine plus MLP over all fields but the history, as ours does by default."""

    def __init__(self, feature_map, embedding_dim: int, hidden_dims: list[int], **kwargs):
        super().__init__(feature_map, **kwargs)
        self.embedding = FeatureEmbedding(feature_map, embedding_dim)
        self.fm = FactorizationMachine(feature_map)
        self.finish(feature_map.sum_emb_out_dim(), hidden_dims, activation=False)

    def forward(self, inputs):
        x = self.get_inputs(inputs)
        fields = self.embedding(x)
        return {"y_pred": self.output_activation(self.fm(x, fields) + self.mlp(fields.flatten(start_dim=1)))}


class DIN(Ranker):
    def __init__(self, feature_map, embedding_dim: int, hidden_dims: list[int], attention_dims: list[int], **kwargs):
        super().__init__(feature_map, **kwargs)
        self.embedding = FeatureEmbeddingDict(feature_map, embedding_dim)
        self.attention = DIN_Attention(embedding_dim, attention_units=attention_dims, hidden_activations="Dice")
        self.finish(feature_map.sum_emb_out_dim(), hidden_dims, activation=True)

    def forward(self, inputs):
        x = self.get_inputs(inputs)
        fields = self.embedding(x)
        fields[HISTORY] = self.attention(fields[TARGET], fields[HISTORY], x[HISTORY] != 0)
        return {"y_pred": self.mlp(self.embedding.dict2tensor(fields, flatten_emb=True))}


class BST(Ranker):
    def __init__(self, feature_map, embedding_dim: int, hidden_dims: list[int], heads: int, blocks: int, **kwargs):
        super().__init__(feature_map, **kwargs)
        width, length = embedding_dim, feature_map.features[HISTORY]["max_len"] + 1
        self.heads = heads
        self.embedding = FeatureEmbeddingDict(feature_map, embedding_dim)
        self.positions = nn.Parameter(torch.randn(length, embedding_dim) * 0.01)
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(blocks))
        self.finish(feature_map.sum_emb_out_dim(), hidden_dims, activation=True)

    def forward(self, inputs):
        x = self.get_inputs(inputs)
        fields = self.embedding(x)
        tokens = torch.cat([fields.pop(HISTORY), fields[TARGET].unsqueeze(1)], dim=1)
        tokens = tokens + self.positions
        padding = nn.functional.pad(x[HISTORY] == 0, (0, 1), value=False)
        blocked = self._blocked(padding)
        for block in self.blocks:
            tokens = block(tokens, blocked)
        real = (~padding).unsqueeze(-1)
        pooled = (tokens * real).sum(dim=1) / real.sum(dim=1)
        return {"y_pred": self.mlp(torch.cat([*fields.values(), pooled], dim=-1))}

    def _blocked(self, padding: Tensor) -> Tensor:
        """(B, L) padding → (B·heads, L, L), True where a position may not look; each may look at itself."""
        length = padding.shape[1]
        blocked = padding.unsqueeze(1).expand(-1, length, -1) & ~torch.eye(length, dtype=torch.bool)
        return blocked.repeat_interleave(self.heads, dim=0)


class Block(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)
        self.feed_forward = nn.Sequential(nn.Linear(width, width), nn.LeakyReLU(), nn.Linear(width, width))
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))

    def forward(self, x: Tensor, blocked: Tensor) -> Tensor:
        attended, _ = self.attention(x, x, x, attn_mask=blocked)
        x = self.norms[0](x + attended)
        return self.norms[1](x + self.feed_forward(x))
