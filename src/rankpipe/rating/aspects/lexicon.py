"""The default scorer: a lexicon of English and Korean, ``english.tsv`` and ``korean.tsv`` beside this file.

A word of the lexicon speaks of an aspect, with a polarity of its own ("overpriced": price, negative) or without
("parking"). One without takes the polarity of the nearest word of opinion ("great") at most ``REACH`` words away in the
same clause, and is neutral where there is none. A negator at most ``NEGATED`` words before a polarity turns it around;
in Korean 안 and 못 stand before the word, and 않, 못, 없 after it. An aspect's three values are the shares of its
mentions. It is a lexicon: it knows neither irony nor context, and no figure of it is a classifier's.

A line of the files is ``aspect<TAB>polarity<TAB>words``, ``*`` at a word's end standing for any ending. The aspect
``opinion`` holds words of opinion, ``negation`` negators, with ``before`` and ``after`` for polarity.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

from rankpipe.rating.aspects import ASPECTS, COLUMNS
from rankpipe.rating.text import words

LANGUAGES = ("english", "korean")
REACH = 4
NEGATED = 3
_CLAUSES = re.compile(r"[.!?;\n]+|\b(?:but|however|although|though)\b", re.IGNORECASE)
_POSITIVE, _NEGATIVE, _NEUTRAL = 0, 1, 2
_OPINION, _BEFORE, _AFTER = -1, -2, -3
Entry = tuple[int, int]
"""(place in ASPECTS or one of the negative marks, polarity)."""


class LexiconScorer:
    """See the module."""

    columns = COLUMNS

    def __init__(self) -> None:
        self.exact: dict[str, tuple[Entry, ...]] = {}
        self.prefixes: dict[str, tuple[Entry, ...]] = {}
        self.longest = 0
        for language in LANGUAGES:
            self._read(Path(__file__).with_name(f"{language}.tsv"))
        # Kept for words, not for texts: a language has few of those, and most of a text is made of the same ones.
        self._entries = lru_cache(1 << 16)(self._look_up)

    def _read(self, path: Path) -> None:
        marks = {"opinion": _OPINION, **{aspect: i for i, aspect in enumerate(ASPECTS)}}
        polarities = {"positive": _POSITIVE, "negative": _NEGATIVE, "neutral": _NEUTRAL}
        for line in path.read_text(encoding="utf-8").splitlines():
            if not line or line.startswith("#"):
                continue
            aspect, polarity, listed = line.split("\t")
            if aspect == "negation":
                entry = ({"before": _BEFORE, "after": _AFTER}[polarity], _NEUTRAL)
            else:
                entry = (marks[aspect], polarities[polarity])
            for word in listed.split():
                kept = self.prefixes if word.endswith("*") else self.exact
                word = word.removesuffix("*")
                kept[word] = (*kept.get(word, ()), entry)
                self.longest = max(self.longest, len(word))

    def _look_up(self, word: str) -> tuple[Entry, ...]:
        if word.endswith("n't"):
            return ((_BEFORE, _NEUTRAL),)
        if word in self.exact:
            return self.exact[word]
        for end in range(min(len(word), self.longest), 0, -1):
            if word[:end] in self.prefixes:
                return self.prefixes[word[:end]]
        return ()

    def __call__(self, texts: Sequence[str]) -> csr_matrix:
        offsets, places, values = [0], [], []
        for text in texts:
            counts: dict[int, int] = {}
            for clause in _CLAUSES.split(text):
                for aspect, polarity in self.mentions(clause):
                    place = 3 * aspect + polarity
                    counts[place] = counts.get(place, 0) + 1
            totals: dict[int, int] = {}
            for place, count in counts.items():
                totals[place // 3] = totals.get(place // 3, 0) + count
            for place in sorted(counts):
                places.append(place)
                values.append(counts[place] / totals[place // 3])
            offsets.append(len(places))
        return csr_matrix((np.array(values, np.float64), np.array(places, np.int32), np.array(offsets, np.int32)),
                          (len(texts), len(COLUMNS)))

    def mentions(self, clause: str) -> list[tuple[int, int]]:
        """(place in ASPECTS, 0 positive, 1 negative, 2 neutral) of each mention, in order."""
        # A word with no entry keeps its place: reach is counted in words.
        found = [self._entries(word) for word in words(clause)]
        polar = {i: self._turned(found, i, polarity) for i, entries in enumerate(found)
                 for mark, polarity in entries if mark == _OPINION and polarity != _NEUTRAL}
        said = []
        for i, entries in enumerate(found):
            for mark, polarity in entries:
                if mark < 0:
                    continue
                if polarity == _NEUTRAL:
                    near = min(polar, key=lambda j: (abs(j - i), j), default=None)
                    said.append((mark, polar[near] if near is not None and abs(near - i) <= REACH else _NEUTRAL))
                else:
                    said.append((mark, self._turned(found, i, polarity)))
        return said

    def _turned(self, found: list[tuple[Entry, ...]], at: int, polarity: int) -> int:
        """``polarity`` of word ``at``, turned around by an odd number of negators."""
        before = sum(mark == _BEFORE for entries in found[max(0, at - NEGATED):at] for mark, _ in entries)
        after = sum(mark == _AFTER for entries in found[at + 1:at + 2] for mark, _ in entries)
        return 1 - polarity if (before + after) % 2 else polarity

    def describe(self) -> dict[str, Any]:
        return {"scorer": "lexicon", "languages": list(LANGUAGES), "words": len(self.exact) + len(self.prefixes)}
