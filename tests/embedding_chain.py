"""A working folder in which the links of the embedding track can train: params.yaml, a small table, a tiny encoder."""

from pathlib import Path
from typing import Any

import torch
import yaml
from embedding_data import Small, small, write
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from rankpipe import paths
from rankpipe.embedding.encoder import Encoder, save

SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}


def encoder(texts: list[str], dropout: float = 0.1, first_new: int | None = None) -> Encoder:
    """Two layers of width 16 over syllables of ``texts``, random weights."""
    letters = sorted(set("".join(texts)) - {" "})
    vocabulary = [*SPECIAL.values(), *letters, *(f"##{letter}" for letter in letters)]
    inner = Tokenizer(models.WordPiece({token: i for i, token in enumerate(vocabulary)}, unk_token="[UNK]"))
    inner.normalizer, inner.pre_tokenizer = normalizers.NFC(), pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(t, inner.token_to_id(t)) for t in ("[CLS]", "[SEP]")])
    torch.manual_seed(1)
    config = BertConfig(vocab_size=inner.get_vocab_size(), hidden_size=16, num_hidden_layers=2, num_attention_heads=2,
                        intermediate_size=32, max_position_embeddings=32, hidden_dropout_prob=dropout,
                        attention_probs_dropout_prob=dropout)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, model_max_length=32, **SPECIAL)
    return Encoder(tokenizer, BertModel(config, add_pooling_layer=False), "mean", 32, True, first_new)


def folder(place: Path, models: dict[str, dict[str, Any]], training: dict[str, Any] | None = None,
           dropout: float = 0.1, rows: int = 24, seeds: tuple[int, ...] = (7, 8)) -> Small:
    """Writes ``params.yaml``, the table and the model ``vocabulary`` under ``place``, the working directory."""
    blocks = {name: {"start_from": "vocabulary", **own} for name, own in models.items()}
    block = {"seeds": list(seeds), "models": blocks,
             "training": {"epochs": 2, "batch_size": 8, "optimizer": "adamw", "lr": 0.001, **(training or {})}}
    place.mkdir(parents=True, exist_ok=True)
    (place / "params.yaml").write_text(yaml.safe_dump({"seed": 7, "threads": 1, "device": "cpu", "embedding": block}))
    data = small(rows)
    write(data)
    made = encoder(data.texts, dropout)
    made.first_new = len(made.tokenizer) - 40
    save(made, paths.model("toy", "embedding", "vocabulary") / "all")
    return data


def outputs(place: Path) -> dict[str, bytes]:
    """Every file under ``build`` but the table."""
    return {str(p.relative_to(place)): p.read_bytes() for p in sorted((place / "build").rglob("*"))
            if p.is_file() and "/table/" not in str(p)}
