"""How well a tokenizer's vocabulary fits a text."""

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from tokenizers import Tokenizer

from rankpipe.embedding.vocabulary.words import bare, encoded

_WORD = re.compile(r"\S+")


@dataclass(frozen=True)
class Coverage:
    """Figures of one tokenizer on some texts; words are what stands between white space, special tokens don't count."""

    tokens_per_sentence: float
    tokens_per_word: float
    unknown_share: float
    """Share of the words of which a part is unknown."""
    match_rate: float
    """Share of the tokens asked about that come out at least once."""
    token_share: float
    """Share of all tokens that are among those asked about."""


def coverage(tokenizer: Tokenizer, texts: Sequence[str], unknown: str | None, asked: Sequence[int] = ()) -> Coverage:
    """Figures of ``tokenizer`` on ``texts``.

    Args:
        unknown: The token that stands for what can't be spelt; None where everything can.
        asked: Ids of tokens (the new ones) whose use is counted.
    """
    unknown_id = None if unknown is None else tokenizer.token_to_id(unknown)
    wanted, seen = set(asked), set()
    tokens = words = lost = hits = 0
    for text, encoding in encoded(bare(tokenizer), texts):
        starts = [match.start() for match in _WORD.finditer(text)]
        words += len(starts)
        tokens += len(encoding.ids)
        if unknown_id in encoding.ids:
            # By its last character: a token may begin with the space before its word.
            lost += len({bisect_right(starts, encoding.offsets[i][1] - 1)
                         for i, token in enumerate(encoding.ids) if token == unknown_id})
        if wanted:
            found = [token for token in encoding.ids if token in wanted]
            hits += len(found)
            seen.update(found)
    return Coverage(tokens / max(len(texts), 1), tokens / max(words, 1), lost / max(words, 1),
                    len(seen) / max(len(wanted), 1), hits / max(tokens, 1))
