"""Byte-pair merges over sequences of any symbols, learnt by the trainer of ``tokenizers``.

A symbol, which may be several characters long (a token of another tokenizer), stands for the trainer as one character
of the private-use planes: so merges can be learnt on top of an existing vocabulary.
"""

import json
from collections.abc import Callable, Iterator, Mapping

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.trainers import BpeTrainer

from rankpipe.errors import InputError

_PRIVATE = (range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))

Symbols = tuple[str, ...]


def learn(words: Mapping[Symbols, int], limit: int, min_count: int) -> list[tuple[Symbols, Symbols]]:
    """At most ``limit`` merges, the most frequent first; ties are settled by the order of the symbols' names.

    Args:
        words: Spelling of a word → how often it stands in the corpus.
        min_count: Pairs that are seen less often are not merged.

    Returns:
        The two halves of each merge, spelt in symbols.

    Raises:
        InputError: more symbols than the private-use planes hold.
    """
    symbols = sorted({symbol for word in words for symbol in word})
    spare = [code for codes in _PRIVATE for code in codes]
    if len(symbols) > len(spare):
        raise InputError(f"corpus: {len(symbols)} different pieces, merges can be learnt over {len(spare)}; "
                         "raise embedding.models.vocabulary.min_count")
    letter = {symbol: chr(code) for symbol, code in zip(symbols, spare, strict=False)}
    symbol = {code: name for name, code in letter.items()}
    tokenizer = Tokenizer(BPE())
    trainer = BpeTrainer(vocab_size=len(symbols) + limit, min_frequency=min_count, show_progress=False)
    tokenizer.train_from_iterator(_repeated(words, letter), trainer)
    merges = json.loads(tokenizer.to_str())["model"]["merges"]
    return [(tuple(symbol[c] for c in left), tuple(symbol[c] for c in right)) for left, right in merges]


def learn_new(words: Mapping[Symbols, int], limit: int, min_count: int,
              name: Callable[[Symbols], str | None]) -> list[str]:
    """At most ``limit`` tokens from merges, the most frequent first.

    Args:
        name: of a merged spelling; None for one that isn't wanted, such as what the vocabulary has already.
    """
    merges = limit + limit // 4
    while True:
        learnt = learn(words, merges, min_count)
        found = dict.fromkeys(token for a, b in learnt if (token := name(a + b)) is not None)
        # A base that knows much Korean finds its own tokens first.
        if len(found) >= limit or len(learnt) < merges:
            return list(found)[:limit]
        merges *= 2


def _repeated(words: Mapping[Symbols, int], letter: Mapping[str, str]) -> Iterator[str]:
    # The trainer counts words itself and takes no counts.
    for word, count in words.items():
        coded = "".join(letter[symbol] for symbol in word)
        for _ in range(count):
            yield coded
