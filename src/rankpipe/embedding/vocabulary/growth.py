"""A tokenizer with further Korean tokens, made by editing the model in its JSON.

Tokens added beside the model (``add_tokens``) would match across word boundaries and before normalisation; those in the
model are found exactly as the base's own are.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from tokenizers import Tokenizer

from rankpipe.embedding.vocabulary import korean
from rankpipe.embedding.vocabulary.bpe import BPE
from rankpipe.embedding.vocabulary.unigram import Unigram
from rankpipe.embedding.vocabulary.wordpiece import WordPiece
from rankpipe.embedding.vocabulary.words import counted, numbered, unseen, usage
from rankpipe.errors import InputError

FAMILIES = {"WordPiece": WordPiece, "BPE": BPE, "Unigram": Unigram}
SURPLUS = 2
"""Candidates per token wanted: the least used ones fall away."""
ENOUGH = 0.95
"""Share of the tokens wanted below which more candidates are looked at."""


class Family(Protocol):
    """What the models of tokenizers differ in; see :class:`~rankpipe.embedding.vocabulary.wordpiece.WordPiece`."""

    vocab: Mapping[str, int]

    def letters(self, characters: Sequence[str]) -> list[str]: ...
    def candidates(self, words: Mapping[str, int], letters: Sequence[str], limit: int, min_count: int) -> list[str]: ...
    def grown(self, tokens: Mapping[str, int]) -> dict[str, Any]: ...
    def needed(self, tokens: Sequence[str]) -> set[str]: ...
    def spelt(self, tokens: Sequence[str], letters: Sequence[str]) -> list[list[str]]: ...
    def text(self, token: str) -> str: ...


@dataclass(frozen=True)
class Growth:
    """A base tokenizer and what was added to it."""

    tokenizer: Tokenizer
    first: int
    """Id of the first new token; the others follow without a gap."""
    tokens: tuple[str, ...]
    pieces: tuple[tuple[int, ...], ...]
    """For each new token the ids that its text gave before: of the base or of an earlier new token (a letter)."""
    steps: frozenset[str]
    """New tokens that no text gives, not even their own: byte-pair merges lead through them to others."""
    texts: tuple[str, ...]
    """Each new token as people write it."""


def grow(base: Tokenizer, texts: Sequence[str], size: int, min_count: int) -> Growth:
    """``base`` with at most ``size`` further Korean tokens learnt from ``texts``.

    First the letters that the base can't spell, then the subwords that merge most; whatever stands less than
    ``min_count`` times in the tokenized corpus is dropped again.

    Raises:
        InputError: the tokenizer is of another kind, or a new token can't match.
    """
    state = state_of(base)
    family = _family(state)
    words = counted(base, texts)
    characters = korean.letters(base.normalizer.normalize_str if base.normalizer else str, words)
    letters = _found(state, family, family.letters(characters))[:size]
    room = size - len(letters)
    kept = _subwords(family, letters, words, room, min_count) if room else []
    tokens = (*letters, *kept)
    if not tokens:
        raise InputError(f"corpus: no Korean word that stands {min_count} times and more is missing in the base's "
                         "vocabulary; lower embedding.models.vocabulary.min_count, or take models.vocabulary out")
    tokenizer, ids = _built(state, family, tokens), numbered(family.vocab, tokens)
    real = (*texts, *_witnesses(family, tokens))
    hidden = unseen(tokenizer, [ids[t] for t in family.needed(tokens)], real)
    steps = frozenset(token for token in tokens if ids[token] in hidden)
    check(tokenizer, [token for token in tokens if token not in steps], real)
    known = {**family.vocab, **ids}
    pieces = tuple(tuple(known[p] for p in spelt) for spelt in family.spelt(tokens, letters))
    return Growth(tokenizer, ids[tokens[0]], tokens, pieces, steps, tuple(family.text(token) for token in tokens))


def check(tokenizer: Tokenizer, tokens: Sequence[str], texts: Iterable[str]) -> None:
    """Raises InputError where one of ``tokens`` comes out of none of ``texts``: its row could never be trained."""
    names = {tokenizer.token_to_id(token): token for token in tokens}
    missing = sorted(names[i] for i in unseen(tokenizer, list(names), texts))
    if missing:
        shown = ", ".join(f"'{token}'" for token in missing[:5])
        raise InputError(f"vocabulary: {len(missing)} of {len(tokens)} new tokens can't match any text, such as "
                         f"{shown}; they are not spelt as the tokenizer's normaliser and pre-tokeniser spell text")


def _family(state: Mapping[str, Any]) -> Family:
    kind = state["model"].get("type")
    if kind not in FAMILIES:
        raise InputError(f"embedding.base: a tokenizer of kind {kind} can't be expanded; these can: "
                         f"{', '.join(FAMILIES)}")
    return FAMILIES[kind](state)


def _subwords(family: Family, letters: Sequence[str], words: Mapping[str, int], room: int, min_count: int) -> list[str]:
    """At most ``room`` tokens beside ``letters``."""
    limit = room * SURPLUS
    while True:
        candidates = family.candidates(words, letters, limit, min_count)
        kept = _settled(family, letters, candidates, words, room, min_count)
        if len(kept) >= ENOUGH * room or len(candidates) < limit:
            return kept
        limit *= 2


def _settled(family: Family, letters: Sequence[str], candidates: Sequence[str], words: Mapping[str, int], room: int,
             min_count: int) -> list[str]:
    """At most ``room`` of ``candidates``, all used: where one is dropped, its text falls to others."""
    kept = list(candidates)
    while kept:
        used = usage(family.grown(numbered(family.vocab, (*letters, *kept))), words)
        needed = family.needed(kept)
        free = sorted((t for t in kept if t not in needed), key=lambda token: used[token])
        rare = sum(used[token] < min_count for token in free)
        surplus = len(kept) - room
        if not rare and surplus <= 0:
            break
        drop = set(free[:max(rare, min(surplus, len(kept) // 4 + 1))])
        kept = [token for token in kept if token not in drop]
    return kept


def _found(state: Mapping[str, Any], family: Family, letters: Sequence[str]) -> list[str]:
    """Those of ``letters`` that they themselves or a Korean syllable give: no text could need the others."""
    if not letters:
        return []
    ids = numbered(family.vocab, letters)
    written = [letter for letter in letters if not korean.is_jamo(family.text(letter))]
    lost = unseen(_built(state, family, letters), list(ids.values()), _witnesses(family, written))
    return [letter for letter in letters if ids[letter] not in lost]


def _witnesses(family: Family, tokens: Sequence[str]) -> list[str]:
    """Every syllable and lone letter and the texts of ``tokens``: at the start, after a blank, and inside a word."""
    texts = (*korean.SYLLABLES, *korean.LONE, *(family.text(token) for token in tokens))
    return [written for text in texts for written in (f"{text} {text}", f"a{text}", f"가{text}")]


def _built(state: Mapping[str, Any], family: Family, tokens: Sequence[str]) -> Tokenizer:
    return Tokenizer.from_str(json.dumps({**state, "model": family.grown(numbered(family.vocab, tokens))}))


def state_of(base: Tokenizer) -> dict[str, Any]:
    """The tokenizer's JSON, its added tokens (``<mask>``) written into the model, so that ids follow without a gap."""
    state = json.loads(base.to_str())
    vocab = state["model"]["vocab"]
    for added in sorted(state["added_tokens"], key=lambda token: token["id"]):
        if isinstance(vocab, dict):
            vocab.setdefault(added["content"], added["id"])
        elif added["id"] >= len(vocab):
            if added["id"] > len(vocab):
                raise InputError(f"embedding.base: its tokenizer has no token of id {len(vocab)}, but {added['id']}")
            vocab.append([added["content"], 0.0])
    return state
