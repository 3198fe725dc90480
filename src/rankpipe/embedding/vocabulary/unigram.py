"""Unigram (SentencePiece: XLM-R, T5): the cut whose pieces have the greatest sum of scores."""

from collections.abc import Mapping, Sequence
from typing import Any

from rankpipe.embedding.vocabulary import korean
from rankpipe.embedding.vocabulary.merges import learn_new
from rankpipe.embedding.vocabulary.words import MARK, modelled

MARGIN = 1.0
"""By how much a new piece beats the best cut into smaller ones, in units of the scores (natural logarithms)."""


class Unigram:
    """How a Unigram model grows; ``state`` is the tokenizer's JSON."""

    def __init__(self, state: Mapping[str, Any]):
        self.model = state["model"]
        self.scores: dict[str, float] = dict(self.model["vocab"])
        self.vocab = {token: i for i, (token, _) in enumerate(self.model["vocab"])}

    def letters(self, characters: Sequence[str]) -> list[str]:
        """The Korean ones of ``characters`` that the base can't spell; an unknown character hides no other."""
        return [c for c in characters if c not in self.vocab and korean.is_korean(c)]

    def candidates(self, words: Mapping[str, int], letters: Sequence[str], limit: int, min_count: int) -> list[str]:
        """At most ``limit`` Korean pieces that the base lacks, the most frequent merges first."""
        spelt = {tuple(word): count for word, count in words.items() if any(map(korean.is_korean, word))}
        known = {*self.vocab, *letters}

        def name(spelling: tuple[str, ...]) -> str | None:
            piece = "".join(spelling)
            return piece if piece not in known and korean.is_korean(self.text(piece)) else None

        return learn_new(spelt, limit, min_count, name)

    def grown(self, tokens: Mapping[str, int]) -> dict[str, Any]:
        """The model's JSON with ``tokens`` (name → id) added, scored so that each wins over any cut of it."""
        scores = dict(self.scores)
        lowest = min(scores.values())
        # Short ones first: a long piece has to beat them too.
        for token in sorted(tokens, key=lambda t: (len(t), t)):
            scores[token] = lowest if len(token) == 1 else _best(token, scores, lowest) + MARGIN
        added = [[token, scores[token]] for token in sorted(tokens, key=tokens.__getitem__)]
        return {**self.model, "vocab": [*self.model["vocab"], *added]}

    def needed(self, tokens: Sequence[str]) -> set[str]:
        """Tokens without which others could not be formed: none, since any spelling matches as a whole."""
        return set()

    def spelt(self, tokens: Sequence[str], letters: Sequence[str]) -> list[list[str]]:
        """What each of ``tokens`` was before: pieces of the base and of ``letters``; of the base alone for a letter."""
        lowest = min(self.scores.values())
        before = [modelled({**self.model, "vocab": [*self.model["vocab"], *([letter, lowest] for letter in known)]})
                  for known in ((), letters)]
        return [[before[token not in letters].id_to_token(piece.id)
                 for piece in before[token not in letters].model.tokenize(token)] for token in tokens]

    def text(self, token: str) -> str:
        """``token`` as people write it."""
        return korean.composed(token.replace(MARK, " ").strip())


def _best(token: str, scores: Mapping[str, float], lowest: float) -> float:
    """The greatest sum of scores of a cut of ``token`` into two pieces and more; a character without score costs more
    than any."""
    unknown = lowest - 10.0  # as tokenizers reckons it
    best = [0.0] + [float("-inf")] * len(token)
    for end in range(1, len(token) + 1):
        for start in range(end):
            if end - start < len(token):
                own = scores.get(token[start:end], unknown if end - start == 1 else None)
                if own is not None:
                    best[end] = max(best[end], best[start] + own)
    return best[-1]
