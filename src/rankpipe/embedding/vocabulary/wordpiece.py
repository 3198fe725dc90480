"""WordPiece (BERT): the longest token that fits, from left to right; inside a word tokens begin with ``##``."""

from collections.abc import Mapping, Sequence, Set
from typing import Any

from rankpipe.embedding.vocabulary import korean
from rankpipe.embedding.vocabulary.merges import learn_new

WORD_LENGTH = 1000
"""Characters of a word beyond which it is unknown. Bases say 100, and a Korean word written without spaces that an
uncased BERT takes apart into jamo gets there after some 40 syllables."""


class WordPiece:
    """How a WordPiece model grows; ``state`` is the tokenizer's JSON."""

    def __init__(self, state: Mapping[str, Any]):
        self.model, self.vocab = state["model"], state["model"]["vocab"]
        self.prefix, self.unknown = self.model["continuing_subword_prefix"], self.model["unk_token"]

    def letters(self, characters: Sequence[str]) -> list[str]:
        """Tokens of single ``characters`` that the base can't spell, at a word's start and inside."""
        return [t for c in characters for t in (c, self.prefix + c) if t not in self.vocab]

    def candidates(self, words: Mapping[str, int], letters: Sequence[str], limit: int, min_count: int) -> list[str]:
        """At most ``limit`` Korean tokens that the base lacks, the most frequent merges first."""
        spelt = {(word[0], *(self.prefix + c for c in word[1:])): count for word, count in words.items()
                 if any(map(korean.is_korean, word))}
        known = {*self.vocab, *letters}

        def name(spelling: tuple[str, ...]) -> str | None:
            rest = "".join(symbol.removeprefix(self.prefix) for symbol in spelling[1:])
            token = spelling[0] + rest
            return token if token not in known and korean.is_korean(token.removeprefix(self.prefix)) else None

        return learn_new(spelt, limit, min_count, name)

    def grown(self, tokens: Mapping[str, int]) -> dict[str, Any]:
        """The model's JSON with ``tokens`` (name → id) added."""
        length = max(self.model["max_input_chars_per_word"], WORD_LENGTH)
        return {**self.model, "vocab": {**self.vocab, **tokens}, "max_input_chars_per_word": length}

    def needed(self, tokens: Sequence[str]) -> set[str]:
        """Tokens without which others could not be formed: none, since any spelling matches as a whole."""
        return set()

    def spelt(self, tokens: Sequence[str], letters: Sequence[str]) -> list[list[str]]:
        """What each of ``tokens`` was before: pieces of the base and of ``letters``; of the base alone for a letter."""
        known = {*self.vocab, *letters}
        return [self._longest(token, known if token not in letters else self.vocab.keys()) for token in tokens]

    def _longest(self, token: str, known: Set[str]) -> list[str]:
        inside, rest, pieces = token.startswith(self.prefix), token.removeprefix(self.prefix), []
        while rest:
            start = self.prefix if pieces or inside else ""
            length = next((n for n in range(len(rest), 0, -1) if start + rest[:n] in known), 0)
            if not length:
                return [self.unknown]
            pieces.append(start + rest[:length])
            rest = rest[length:]
        return pieces

    def text(self, token: str) -> str:
        """``token`` as people write it."""
        return korean.composed(token.removeprefix(self.prefix))
