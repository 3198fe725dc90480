"""A small Korean grammar: sentences of five meaning slots, each said in one of several words that share no syllable.

What a sentence means is a row of slots; how it is said, by which words, particles, order and ending, means nothing. Two
sentences mean the same as far as their slots agree, whether or not they share a single word.
"""

from dataclasses import dataclass

import numpy as np

SLOTS = ("who", "where", "what", "does", "denied")
WEIGHTS = np.array([1.0, 1.0, 1.5, 1.5, 1.0])
"""Of the slots in a score."""
WHO = (("아이", "꼬마"), ("의사", "닥터"), ("선생", "교육자"), ("요리사", "주방장"), ("가수", "보컬"),
       ("기자", "리포터"), ("노인", "어르신"), ("기사", "드라이버"), ("배우", "연기자"), ("화가", "그림쟁이"))
WHERE = (("집", "주택"), ("가게", "상점"), ("학교", "배움터"), ("병원", "클리닉"), ("시장", "저잣거리"),
         ("길거리", "도로변"), ("극장", "영화관"), ("바닷가", "해변"))
NOWHERE = len(WHERE)
"""Value of the slot where a sentence names no place."""
WHAT = (("책", "도서"), ("가방", "배낭"), ("사진", "스냅"), ("편지", "서신"), ("옷", "의류"), ("의자", "걸상"),
        ("약", "치료제"), ("그림", "회화"), ("도시락", "점심밥"), ("자전거", "바이크"), ("장난감", "완구"),
        ("상자", "박스"))
# Stem before 고 and 지, present, past without its 다, polite; a word alone takes 하다.
DOES = ((("사", "산다", "샀", "사요"), "구입"), (("팔", "판다", "팔았", "팔아요"), "처분"),
        (("만들", "만든다", "만들었", "만들어요"), "제작"), (("고치", "고친다", "고쳤", "고쳐요"), "수리"),
        (("옮기", "옮긴다", "옮겼", "옮겨요"), "운반"), (("찾", "찾는다", "찾았", "찾아요"), "발견"),
        (("버리", "버린다", "버렸", "버려요"), "폐기"), (("숨기", "숨긴다", "숨겼", "숨겨요"), "은닉"),
        (("보내", "보낸다", "보냈", "보내요"), "발송"), (("받", "받는다", "받았", "받아요"), "수령"))
VALUES = np.array([len(WHO), len(WHERE) + 1, len(WHAT), len(DOES), 2])
GENRES = ("main-captions", "main-news", "main-forums")
OPENINGS = (("", "", "화면 속에서", "보이는 것처럼", "한쪽에서", "멀리서"),
            ("", "", "관계자에 따르면", "전해진 바로는", "확인 결과", "알려진 대로"),
            ("", "", "솔직히", "아무튼", "글쎄요", "내가 알기로"))
CLOSINGS = (".", ".", ".", "...", " ㅎㅎ", "!", "~")
"""Of forums; elsewhere a full stop."""
ARTICLES = ("", "", "한", "어떤", "그", "이")
RESTATED = ("곧", "다시 말해", "그러니까")
_NO_PLACE, _DENIED = 0.2, 0.3


@dataclass(frozen=True)
class Wording:
    """How a sentence is said."""

    words: tuple[int, int, int, int]
    """Which of the words of who, where, what and does; any number, taken modulo their count."""
    genre: int
    opening: int
    article: int
    topic: bool
    """은/는 instead of 이/가."""
    place_first: bool
    short: bool
    """Denied by 안 instead of 지 않다."""
    ending: int
    """Each genre has two."""
    closing: int


def meaning(rng: np.random.Generator) -> np.ndarray:
    """(5,) int: a value of each slot."""
    slots = rng.integers(0, VALUES)
    slots[1] = NOWHERE if rng.random() < _NO_PLACE else rng.integers(0, NOWHERE)
    slots[4] = rng.random() < _DENIED
    return slots


def changed(rng: np.random.Generator, slots: np.ndarray, count: int) -> np.ndarray:
    """``slots`` with ``count`` of them at another value."""
    other = slots.copy()
    for k in rng.permutation(len(SLOTS))[:count].tolist():
        other[k] = (slots[k] + rng.integers(1, VALUES[k])) % VALUES[k]
    return other


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Weighted share of the slots that agree."""
    return float((WEIGHTS * (one == other)).sum() / WEIGHTS.sum())


def wording(rng: np.random.Generator, genre: int) -> Wording:
    """Any way to say something in a genre."""
    draw = rng.integers(0, 6, 11).tolist()
    return Wording((draw[0], draw[1], draw[2], draw[3]), genre, draw[4], draw[5], draw[6] < 2, draw[7] < 2,
                   draw[8] < 3, draw[9] % 2, int(rng.integers(0, len(CLOSINGS))))


def said(slots: np.ndarray, how: Wording, restated: int | None = None, as_: int = 0) -> str:
    """The sentence. ``restated``: 0 or 2, the slot (who, what) that is said in two words, ``as_`` saying which of
    :data:`RESTATED` joins them."""
    nouns = [table[value][word % len(table[value])] if value < len(table) else ""
             for table, value, word in zip((WHO, WHERE, WHAT), slots.tolist(), how.words, strict=False)]
    if restated is not None:
        words = (WHO, WHERE, WHAT)[restated][slots[restated]]
        nouns[restated] = (f"{nouns[restated]}, {RESTATED[as_ % len(RESTATED)]} "
                           f"{words[(how.words[restated] + 1) % len(words)]}")
    who = _joined(ARTICLES[how.article % len(ARTICLES)], nouns[0] + (_after(nouns[0], "은", "는") if how.topic else
                                                                     _after(nouns[0], "이", "가")))
    where = f"{nouns[1]}에서" if nouns[1] else ""
    what = nouns[2] + _after(nouns[2], "을", "를")
    openings = OPENINGS[how.genre]
    closing = CLOSINGS[how.closing % len(CLOSINGS)] if how.genre == 2 else "."
    parts = (where, who) if how.place_first else (who, where)
    return _joined(openings[how.opening % len(openings)], *parts, what, _verb(slots, how)) + closing


def _verb(slots: np.ndarray, how: Wording) -> str:
    forms = DOES[slots[3]]
    form = forms[how.words[3] % len(forms)]
    if isinstance(form, str):
        form = (f"{form}하", f"{form}한다", f"{form}했", f"{form}해요")
    stem, present, past, polite = form
    if slots[4] and not how.short:
        denied = (("않고 있다", "않는다"), ("않았다", "않았다고 한다"), ("않아요", "않았어요"))
        return f"{stem}지 {denied[how.genre][how.ending]}"
    plain = ((f"{stem}고 있다", present), (f"{past}다", f"{past}다고 한다"), (polite, f"{past}어요"))
    return ("안 " if slots[4] else "") + plain[how.genre][how.ending]


def _after(noun: str, closed: str, open_: str) -> str:
    """The particle after a syllable with a final consonant, or without."""
    return closed if (ord(noun[-1]) - ord("가")) % 28 else open_


def _joined(*parts: str) -> str:
    return " ".join(part for part in parts if part)
