"""Byte-pair encoding, byte-level (GPT-2, Qwen, Llama 3) or over characters with a mark at a word's start (Llama 2).

New merges are learnt on top of the base's and rank behind them, so a text is first cut as the base cuts it. Where the
base cuts a syllable into bytes, the first new merges put it together again, so that all further ones are of text: but
for the steps on the way to a syllable no new token is less.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tokenizers import decoders

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

    def letters(self, characters: Sequence[str]) -> list[str]:
        """Bytes spell everything; other bases learn the Korean ones of ``characters`` that they lack."""
        return [] if self.bytes else [c for c in characters if c not in self.vocab and korean.is_korean(c)]

    def candidates(self, words: Mapping[str, int], letters: Sequence[str], limit: int, min_count: int) -> list[str]:
        """Korean tokens that the base lacks: of syllables and of what is merged from them at most ``limit`` each."""
        tokenizer = modelled(self.grown(numbered(self.vocab, letters)))
        mine = [word for word in words if any(map(korean.is_korean, self.text(word)))]
        spelt = [(self._syllables(encoding.tokens), words[word]) for word, encoding in encoded(tokenizer, mine)]
        counts: Counter[tuple[str, ...]] = Counter()
        for syllables, count in spelt:
            for syllable in syllables:
                counts[syllable] += count
        whole = sorted((s for s, n in counts.items() if n >= min_count and len(s) > 1
                        and korean.is_korean(self.text("".join(s)))), key=lambda s: (-counts[s], s))[:limit]
        merges = [merge for s in whole for merge in _merged(s)]
        joined = {s: ("".join(s),) for s in whole}
        again: Counter[tuple[str, ...]] = Counter()
        for syllables, count in spelt:
            again[tuple(piece for s in syllables for piece in joined.get(s, s))] += count
        theirs = {tuple(m.split(" ")) if isinstance(m, str) else tuple(m) for m in self.model["merges"]}
        found = dict.fromkeys(a + b for a, b in merges)
        merges += [("".join(a), "".join(b)) for a, b in learn(again, limit, min_count)]
        self._merges = [merge for merge in dict.fromkeys(merges) if merge not in theirs]
        known = {*self.vocab, *letters}
        for a, b in self._merges:
            if korean.is_korean(self.text(a + b)) and all(half in known or half in found for half in (a, b)):
                found[a + b] = None
        return [token for token in found if token not in known]

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

    def _syllables(self, pieces: Sequence[str]) -> list[tuple[str, ...]]:
        """``pieces`` in the shortest groups that are whole characters."""
        groups, open_ = [], []
        for piece in pieces:
            open_.append(piece)
            if not self.bytes or _PARTIAL not in self.text("".join(open_)):
                groups.append(tuple(open_))
                open_ = []
        return [*groups, tuple(open_)] if open_ else groups


def _merged(pieces: tuple[str, ...]) -> list[tuple[str, str]]:
    """The merges, from left to right, that make one token of ``pieces``."""
    return [("".join(pieces[:i]), pieces[i]) for i in range(1, len(pieces))]
