"""The encoder that the chain starts from: a real one, or a small one made here on the spot.

The small one (``embedding.base: sample``) needs no download. It is what all-MiniLM-L6-v2 is to Korean, in little: an
uncased WordPiece vocabulary that takes syllables apart, lacks the rarer jamo, so that a quarter of the words is
unknown, and knows few longer pieces; and a BERT (Devlin et al., 2019) trained for a moment on masked words.
"""

import json
from collections import Counter
from collections.abc import Sequence

import numpy as np
import torch
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import WordPiece as Model
from torch.nn import functional as F
from transformers import BertConfig, BertForMaskedLM, BertModel, PreTrainedTokenizerFast

from rankpipe.embedding.encoder import Encoder, load, padded, resolve
from rankpipe.embedding.vocabulary.growth import state_of
from rankpipe.embedding.vocabulary.korean import is_korean
from rankpipe.embedding.vocabulary.wordpiece import WordPiece
from rankpipe.embedding.vocabulary.words import counted
from rankpipe.errors import InputError
from rankpipe.training.determinism import reseed

SAMPLE = "sample"
SPECIAL = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]",
           "mask_token": "[MASK]"}
LETTERS = 0.965
"""Share of the corpus' jamo that the small vocabulary can spell: the most frequent ones."""
PIECES = 60
"""Pieces of several jamo in the small vocabulary."""
SENTENCES = 20_000
"""Of the corpus, that the small encoder is made from."""
LAYERS, DIM, HEADS, MAX_LENGTH = 2, 64, 4, 64
STEPS, BATCH_SIZE, LR, MASKED = 60, 32, 1e-3, 0.15


def base(name: str, texts: Sequence[str], seed: int) -> Encoder:
    """The encoder ``name``: ``sample``, ``packaged``, a folder, or an id on the hub.

    Args:
        texts: the corpus, on which ``sample`` is made.

    Raises:
        InputError: not there, no encoder, or a corpus without Korean words.
    """
    return small(texts[:SENTENCES], seed) if name == SAMPLE else load(resolve(name))


def small(texts: Sequence[str], seed: int) -> Encoder:
    """A small encoder made of ``texts``: equal texts and seeds give equal weights.

    Raises:
        InputError: no Korean word in ``texts``.
    """
    tokenizer = tokenizer_of(texts)
    config = BertConfig(vocab_size=len(tokenizer), hidden_size=DIM, num_hidden_layers=LAYERS, num_attention_heads=HEADS,
                        intermediate_size=4 * DIM, max_position_embeddings=MAX_LENGTH, pad_token_id=0)
    with torch.random.fork_rng():
        reseed(seed, 0)
        # With the pooler that nothing here uses: who opens the folder would draw it at random.
        backbone = BertModel(config)
        network = BertForMaskedLM(config)
        network.bert = backbone
        network.tie_weights()
        _pretrain(network, tokenizer, texts, seed)
    return Encoder(tokenizer, backbone, "mean", MAX_LENGTH).eval()


def tokenizer_of(texts: Sequence[str]) -> PreTrainedTokenizerFast:
    """An uncased WordPiece tokenizer that spells only a part of the Korean syllables in ``texts``.

    Raises:
        InputError: no Korean word in ``texts``.
    """
    empty = Tokenizer(Model(vocab={token: i for i, token in enumerate(SPECIAL.values())}, unk_token="[UNK]"))
    empty.normalizer = normalizers.BertNormalizer(lowercase=True)
    empty.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    empty.decoder = decoders.WordPiece(prefix="##")
    ids = {token: empty.token_to_id(token) for token in ("[CLS]", "[SEP]")}
    empty.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=list(ids.items()))
    state, words = state_of(empty), counted(empty, texts)
    known = _alphabet(words)
    if not any(map(is_korean, known)):
        raise InputError("embedding.source.corpus: no Korean word in it; embedding.base: sample is made of the corpus, "
                         "so name a corpus of Korean sentences, or another base")
    family = WordPiece(state)
    letters = family.letters(sorted(known))
    spelt = Counter({word: count for word, count in words.items() if known.issuperset(word)})
    pieces = family.candidates(spelt, letters, PIECES, 2)
    model = family.grown({token: len(SPECIAL) + i for i, token in enumerate((*letters, *pieces))})
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer.from_str(json.dumps({**state, "model": model})),
                                   model_max_length=MAX_LENGTH, clean_up_tokenization_spaces=False, **SPECIAL)


def _alphabet(words: Counter[str]) -> set[str]:
    """All characters of ``words`` but the rarest Korean ones."""
    counts: Counter[str] = Counter()
    for word, count in words.items():
        for c in word:
            counts[c] += count
    korean = sorted((c for c in counts if is_korean(c)), key=lambda c: (-counts[c], c))
    before = np.cumsum([0, *(counts[c] for c in korean)])[:-1]
    kept = before < LETTERS * sum(counts[c] for c in korean)
    return {c for c in counts if not is_korean(c)} | {c for c, keep in zip(korean, kept, strict=True) if keep}


def _pretrain(network: BertForMaskedLM, tokenizer: PreTrainedTokenizerFast, texts: Sequence[str], seed: int) -> None:
    """Guesses masked tokens from those around them; ``network`` is changed in place."""
    rng = np.random.default_rng(seed)
    rows = tokenizer(list(texts), truncation=True, max_length=MAX_LENGTH)["input_ids"]
    optimizer = torch.optim.AdamW(network.parameters(), LR)
    special = torch.tensor(tokenizer.all_special_ids)
    network.train()
    for _ in range(STEPS):
        tokens = padded([rows[i] for i in rng.integers(len(rows), size=BATCH_SIZE)], tokenizer.pad_token_id)
        truth = tokens["input_ids"]
        drawn = torch.from_numpy(rng.random(truth.shape) < MASKED) & ~torch.isin(truth, special)
        tokens["input_ids"] = truth.masked_fill(drawn, tokenizer.mask_token_id)
        states = network.bert(**tokens).last_hidden_state[drawn]
        loss = F.cross_entropy(network.cls(states), truth[drawn], reduction="sum") / drawn.sum().clamp(min=1)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
