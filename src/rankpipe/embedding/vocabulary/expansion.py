"""A base encoder with further Korean tokens: its tokenizer grown, and a row for each new token."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from transformers import PreTrainedTokenizerFast

from rankpipe.embedding.encoder import Encoder
from rankpipe.embedding.vocabulary.coverage import coverage
from rankpipe.embedding.vocabulary.growth import Growth, grow
from rankpipe.params import bounded


@dataclass(frozen=True)
class Expansion:
    """Block ``embedding.models.vocabulary``."""

    start_from: str = "base"
    size: int = bounded(8000, low=1)
    """New tokens, at most."""
    min_count: int = bounded(5, low=1)
    """How often a new token must stand in the tokenized corpus."""


@dataclass(frozen=True)
class Report:
    """What the new tokens are worth, on text that they were not learnt from. Special tokens don't count."""

    added: int
    """New tokens."""
    steps: int
    """Those of them that no text gives, not even their own, but through which byte-pair merges lead to others."""
    match_rate: float
    """Share of the new tokens that the text gives at least once."""
    new_share: float
    """Share of the text's tokens that are new ones."""
    tokens_per_sentence_before: float
    tokens_per_sentence_after: float
    tokens_per_word_before: float
    tokens_per_word_after: float
    unknown_share_before: float
    """Share of words of which a part is unknown."""
    unknown_share_after: float


def expand(encoder: Encoder, texts: Sequence[str], held_out: Sequence[str], size: int = Expansion.size,
           min_count: int = Expansion.min_count) -> tuple[Encoder, Report]:
    """A copy of ``encoder`` with at most ``size`` further Korean tokens learnt from ``texts``; ``first_new`` is the
    first one's row.

    The row of a new token is the mean of the rows of the pieces that its text gave before.

    Raises:
        InputError: no such tokens, a tokenizer of another kind, or a token that matches no text.
    """
    growth = grow(encoder.tokenizer.backend_tokenizer, texts, size, min_count)
    return expanded(encoder, growth), report(encoder.tokenizer, growth, held_out)


def expanded(encoder: Encoder, growth: Growth) -> Encoder:
    """A copy of ``encoder`` with the tokens of ``growth``, which is its own tokenizer's."""
    grown = Encoder(wrapped(encoder.tokenizer, growth), copy.deepcopy(encoder.backbone), encoder.pooling,
                    encoder.max_length, encoder.unit, growth.first)
    _widen(grown, growth)
    return grown


def report(base: PreTrainedTokenizerFast, growth: Growth, held_out: Sequence[str]) -> Report:
    """Both tokenizers on ``held_out``."""
    new = range(growth.first, growth.first + len(growth.tokens))
    old = coverage(base.backend_tokenizer, held_out, base.unk_token)
    now = coverage(growth.tokenizer, held_out, base.unk_token, new)
    return Report(
        len(growth.tokens), len(growth.steps), now.match_rate, now.token_share, old.tokens_per_sentence,
        now.tokens_per_sentence, old.tokens_per_word, now.tokens_per_word, old.unknown_share, now.unknown_share)


def wrapped(base: PreTrainedTokenizerFast, growth: Growth) -> PreTrainedTokenizerFast:
    """The grown tokenizer with all else as in ``base``.

    Of the general class: classes of their own (BertTokenizer) build their model anew from the vocabulary when they are
    loaded, and lose what else was edited.
    """
    return PreTrainedTokenizerFast(
        tokenizer_object=growth.tokenizer, model_max_length=base.model_max_length, padding_side=base.padding_side,
        truncation_side=base.truncation_side, model_input_names=base.model_input_names,
        clean_up_tokenization_spaces=False, **base.special_tokens_map)


@torch.no_grad()
def _widen(encoder: Encoder, growth: Growth) -> None:
    backbone = encoder.backbone
    rows = growth.first + len(growth.tokens)
    with torch.random.fork_rng(devices=[]):
        # Some bases have more rows than tokens: those are filled before the table grows.
        backbone.resize_token_embeddings(max(rows, len(backbone.get_input_embeddings().weight)), mean_resizing=False)
    weight = backbone.get_input_embeddings().weight
    for row, pieces in enumerate(growth.pieces, growth.first):
        # A letter's row stands before the tokens that it spells, so pieces that are new are ready.
        weight[row] = weight[list(pieces)].double().mean(0).to(weight.dtype)
