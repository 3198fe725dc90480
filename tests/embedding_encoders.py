"""Small encoders with random weights for the embedding track's tests."""

from collections.abc import Iterable

import embedding_data
import torch
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import AutoModel, BertConfig, PretrainedConfig, PreTrainedTokenizerFast

from rankpipe.embedding.encoder import Encoder
from rankpipe.training.determinism import reseed

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WIDTH, LAYERS = 16, 3


def tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """WordPiece whose pieces are the characters of ``texts``."""
    letters = sorted({letter for text in texts for word in text.split() for letter in word})
    pieces = [*SPECIAL, *letters, *(f"##{letter}" for letter in letters)]
    made = Tokenizer(models.WordPiece({piece: i for i, piece in enumerate(pieces)}, unk_token="[UNK]"))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.post_processor = processors.TemplateProcessing("[CLS] $A [SEP]", "[CLS] $A [SEP] $B [SEP]",
                                                        [("[CLS]", 2), ("[SEP]", 3)])
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="[PAD]", unk_token="[UNK]", cls_token="[CLS]",
                                   sep_token="[SEP]", mask_token="[MASK]", model_max_length=64)


def bert(rows: int, dropout: float = 0.1) -> BertConfig:
    return BertConfig(vocab_size=rows, hidden_size=WIDTH, num_hidden_layers=LAYERS, num_attention_heads=2,
                      intermediate_size=32, max_position_embeddings=64, pad_token_id=0, hidden_dropout_prob=dropout,
                      attention_probs_dropout_prob=dropout, initializer_range=0.2)


ROWS = len(tokenizer(embedding_data.small().texts))
CONFIGS = {
    "bert": bert(ROWS),
    "roberta": transformers.RobertaConfig(
        vocab_size=ROWS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        max_position_embeddings=66),
    "distilbert": transformers.DistilBertConfig(vocab_size=ROWS, dim=WIDTH, n_layers=2, n_heads=2, hidden_dim=32),
    "mpnet": transformers.MPNetConfig(vocab_size=ROWS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2,
                                      intermediate_size=32, max_position_embeddings=66),
    "modernbert": transformers.ModernBertConfig(
        vocab_size=ROWS, hidden_size=WIDTH, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32,
        pad_token_id=0, cls_token_id=2, sep_token_id=3, bos_token_id=2, eos_token_id=3),
    "gpt2": transformers.GPT2Config(vocab_size=ROWS, n_embd=WIDTH, n_layer=2, n_head=2, n_positions=64,
                                    bos_token_id=2, eos_token_id=3),
}
"""Networks of other architectures, for the tokenizer of :func:`embedding_data.small`."""


def encoder(texts: Iterable[str], config: PretrainedConfig | None = None, pooling: str = "mean", unit: bool = True,
            first_new: int | None = None, seed: int = 0, dropout: float = 0.1) -> Encoder:
    """In evaluation mode; equal arguments give equal weights."""
    words = tokenizer(texts)
    reseed(seed, 0)
    network = AutoModel.from_config(config or bert(len(words), dropout)).eval()
    return Encoder(words, network, pooling, 48, unit, first_new).eval()


def moved(found: Encoder, names: str = "", by: float = 0.1, seed: int = 1) -> Encoder:
    """``found`` itself after noise on the parameters whose name holds ``names``."""
    reseed(seed, 0)
    with torch.no_grad():
        for name, weight in found.named_parameters():
            if names in name:
                weight.add_(torch.randn_like(weight), alpha=by)
    return found
