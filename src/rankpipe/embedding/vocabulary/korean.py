"""What counts as Korean: Hangul syllables, jamo (what an uncased BERT takes syllables apart into) and lone letters."""

import unicodedata
from collections.abc import Callable, Iterable

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


def letters(normalise: Callable[[str], str], seen: Iterable[str]) -> list[str]:
    """The letters that spell Korean in a tokenizer's normalised form, sorted.

    Those in ``seen``, and where ``normalise`` takes syllables apart all modern ones: they are few (118), and with them
    no syllable of any other text is unknown.
    """
    found = {c for text in seen for c in text if is_korean(c)}
    if len(normalise("각")) > 1:
        found.update(c for text in (*SYLLABLES, *LONE) for c in normalise(text) if is_korean(c))
    return sorted(found)


def composed(text: str) -> str:
    """``text`` as people write it: jamo put together again."""
    return unicodedata.normalize("NFC", text)
