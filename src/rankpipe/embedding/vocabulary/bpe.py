"""Byte-pair encoding, byte-level (GPT-2, Qwen, Llama 3) or over characters with a mark at a word's start (Llama 2).

New merges are learnt on top of the base's and rank behind them, so a text is first cut as the base cuts it.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenizers import Tokenizer, decoders

from rankpipe.embedding.vocabulary import korean
from rankpipe.embedding.vocabulary.merges import learn
from rankpipe.embedding.vocabulary.words import MARK, encoded, modelled, numbered
from rankpipe.errors import InputError

_PARTIAL = "\ufffd"


class BPE:
    """How a byte-pair model grows; ``state`` is the tokenizer's JSON.

    Raises:
        InputError: words are marked in another way than by a space's byte or ``▁``.
    """

    def __init__(self, state: Mapping[str, Any]):
        self.model, self.vocab = state["model"], state["model"]["vocab"]
        if self.model.get("end_of_word_suffix") or self.model.get("continuing_subword_prefix"):
            raise InputError("embedding.base: a byte-pair tokenizer that marks the ends or insides of words can't be "
                             "expanded; byte-level ones and those that mark a word's start can")
        self.bytes = any('"ByteLevel"' in json.dumps(state.get(part)) for part in ("pre_tokenizer", "normalizer"))
        self._decoder = decoders.ByteLevel()
        self._merges: list[tuple[str, str]] = []

    def letters(self, characters: Sequence[str], words: Mapping[str, int]) -> list[str]:
        """Bytes spell everything; other bases learn the ``characters`` they lack."""
        return [] if self.bytes else [c for c in characters if c not in self.vocab]

    def candidates(self, words: Mapping[str, int], letters: Sequence[str], limit: int, min_count: int) -> list[str]:
        """At most ``limit`` Korean tokens that the base lacks, with what merges on the way to them."""
        tokenizer = modelled(self.grown(numbered(self.vocab, letters)))
        mine = [word for word in words if any(map(korean.is_korean, self.text(word)))]
        pieces = {word: tuple(encoding.tokens) for word, encoding in encoded(tokenizer, mine)}
        spelt: dict[tuple[str, ...], int] = {}
        for word, symbols in pieces.items():
            spelt[symbols] = spelt.get(symbols, 0) + words[word]
        theirs = {tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in self.model["merges"]}
        found = dict.fromkeys(("".join(a), "".join(b)) for a, b in learn(spelt, limit, min_count))
        self._merges = [merge for merge in found if merge not in theirs]
        known, halves = {*self.vocab, *letters}, {}
        for a, b in self._merges:
            halves.setdefault(a + b, (a, b))
        taken: dict[str, None] = {}
        for a, b in self._merges:
            if korean.is_korean(self.text(a + b)):
                way = list(dict.fromkeys(self._way(a + b, halves, known)))
                if all(self._may_be_korean(token) for token in way):
                    taken.update(dict.fromkeys(token for token in way if token not in taken))
        return list(taken)

    def grown(self, tokens: Mapping[str, int]) -> dict[str, Any]:
        """The model's JSON with ``tokens`` (name → id) added, and the merges that lead to them."""
        merges = [*self.model["merges"], *(list(pair) for pair in self._emitted(tokens))]
        return {**self.model, "vocab": {**self.vocab, **tokens}, "merges": merges}

    def needed(self, tokens: Sequence[str]) -> set[str]:
        """Those of ``tokens`` that others are merged from."""
        kept = set(tokens)
        return {half for a, b in self._emitted(kept) if a + b in kept for half in (a, b) if half in kept}

    def spelt(self, tokens: Sequence[str], letters: Sequence[str]) -> list[list[str]]:
        """What each of ``tokens`` was before: pieces of the base and of ``letters``; of the base alone for a letter."""
        before = [modelled({**self.model, "vocab": {**self.vocab, **numbered(self.vocab, known)}}).model
                  for known in ((), letters)]
        return [[piece.value for piece in before[token not in letters].tokenize(token)] for token in tokens]

    def text(self, token: str) -> str:
        """``token`` as people write it; bytes that are no whole character become U+FFFD."""
        return (self._decoder.decode([token]) if self.bytes else token.replace(MARK, " ")).strip()

    def _emitted(self, tokens: Mapping[str, int] | set[str]) -> Iterator[tuple[str, str]]:
        for a, b in self._merges:
            # A merge may also give a Korean token that the base has, but reaches by other merges only.
            given = a + b in tokens or (a + b in self.vocab and korean.is_korean(self.text(a + b)))
            if given and all(half in tokens or half in self.vocab for half in (a, b)):
                yield a, b

    def _way(self, token: str, halves: Mapping[str, tuple[str, str]], known: set[str]) -> Iterator[str]:
        """``token`` and all that it is merged from, the first merges first."""
        if token not in known and token in halves:
            for half in halves[token]:
                yield from self._way(half, halves, known)
            yield token

    def _may_be_korean(self, token: str) -> bool:
        text = self.text(token)
        return korean.is_korean(text.replace(_PARTIAL, "")) or (self.bytes and not text.replace(_PARTIAL, ""))
