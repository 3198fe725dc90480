"""What counts as Korean: Hangul syllables, jamo (what an uncased BERT takes syllables apart into) and lone letters."""

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping

SYLLABLES = tuple(map(chr, range(0xAC00, 0xD7A4)))
"""The 11,172 syllables of modern Hangul, composed."""

LONE = tuple(map(chr, range(0x3131, 0x3164)))
"""The 51 modern letters written alone, as in ㅋㅋ and ㅠㅠ."""

_RANGES = (
    (0xAC00, 0xD7A3), (0x1100, 0x11FF), (0x3131, 0x318E), (0xA960, 0xA97C), (0xD7B0, 0xD7FB), (0xFFA1, 0xFFDC)
)


def is_korean(text: str) -> bool:
    """Whether ``text`` is Hangul and nothing else; an empty text is not."""
    return bool(text) and all(any(low <= ord(c) <= high for low, high in _RANGES) for c in text)


def letters(normalise: Callable[[str], str], words: Mapping[str, int]) -> list[str]:
    """The characters that Korean words are spelt with, in a tokenizer's normalised form, the most frequent first.

    Those of the ``words`` (word → count) with Hangul in them, a heart stuck to a word included: it would make the whole
    word unknown to WordPiece. Where ``normalise`` takes syllables apart all modern jamo too: they are few (67), and no
    syllable of any other text is unknown then.
    """
    found: Counter[str] = Counter()
    for word, count in words.items():
        if any(map(is_korean, word)):
            for c in word:
                found[c] += count
    if "각" not in normalise("각"):
        found.update({c: 0 for text in SYLLABLES for c in normalise(text)})
    return sorted(found, key=lambda c: (-found[c], c))


def is_jamo(text: str) -> bool:
    """Whether ``text`` is nothing but parts of syllables, which nobody writes alone."""
    return all(0x1100 <= ord(c) <= 0x11FF for c in text)


def composed(text: str) -> str:
    """``text`` as people write it: jamo put together again."""
    return unicodedata.normalize("NFC", text)
