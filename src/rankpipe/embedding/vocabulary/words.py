"""The words of a corpus as a tokenizer's own normaliser and pre-tokeniser leave them, and which tokens they give."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from tokenizers import Tokenizer

MARK = "▁"
_AT_MARK = re.compile(f"{MARK}+[^{MARK}]*|[^{MARK}]+")
_BATCH = 10_000


def bare(tokenizer: Tokenizer) -> Tokenizer:
    """A copy that neither cuts nor pads, as some base tokenizers are saved to do."""
    copy = Tokenizer.from_str(tokenizer.to_str())
    copy.no_truncation()
    copy.no_padding()
    return copy


def counted(tokenizer: Tokenizer, texts: Iterable[str]) -> Counter[str]:
    """Normalised word → how often it stands in ``texts``, in the order of first sight.

    Memory grows with the number of different words, not of texts. Tokenizers without a pre-tokeniser see a whole
    sentence as one word; it is taken apart at SentencePiece's mark of a word's start.
    """
    normalise = tokenizer.normalizer.normalize_str if tokenizer.normalizer else str
    found: Counter[str] = Counter()
    for text in texts:
        text = normalise(text)
        words = [w for w, _ in tokenizer.pre_tokenizer.pre_tokenize_str(text)] if tokenizer.pre_tokenizer else [text]
        for word in words:
            found.update(_AT_MARK.findall(word))
    return found


def modelled(model: Mapping[str, Any]) -> Tokenizer:
    """A tokenizer of words alone, from the ``model`` of a tokenizer's JSON."""
    return Tokenizer.from_str(json.dumps({"version": "1.0", "truncation": None, "padding": None, "added_tokens": [],
                                          "normalizer": None, "pre_tokenizer": None, "post_processor": None,
                                          "decoder": None, "model": model}))


def numbered(vocab: Mapping[str, int], tokens: Sequence[str]) -> dict[str, int]:
    """``tokens`` with the ids that follow those of ``vocab``."""
    first = max(vocab.values()) + 1
    return {token: first + i for i, token in enumerate(tokens)}


def usage(model: Mapping[str, Any], words: Mapping[str, int]) -> Counter[str]:
    """Token → how often it stands in the corpus of ``words``, for the ``model`` of a tokenizer's JSON."""
    tokenizer = modelled(model)
    found: Counter[int] = Counter()
    for word, encoding in encoded(tokenizer, words):
        for token in encoding.ids:
            found[token] += words[word]
    return Counter({tokenizer.id_to_token(token): count for token, count in found.items()})


def encoded(tokenizer: Tokenizer, texts: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Each text with its ``tokenizers.Encoding``, without special tokens."""
    rest = iter(texts)
    while block := list(islice(rest, _BATCH)):
        yield from zip(block, tokenizer.encode_batch(block, add_special_tokens=False), strict=True)


def unseen(tokenizer: Tokenizer, ids: Sequence[int], texts: Iterable[str]) -> set[int]:
    """Those of ``ids`` that no text gives."""
    missing = set(ids)
    for _, encoding in encoded(bare(tokenizer), texts):
        if not missing:
            break
        missing.difference_update(encoding.ids)
    return missing
