"""Generated restaurants and their guests: hidden qualities and tastes, the stars they lead to, and the words.

A restaurant has a quality in each of 17 aspects, a guest a weight for each (they sum to 1) and a leniency. What a guest
meets on one visit is the quality plus luck; stars are the leniency plus the weighted sum of it, rounded. The text
speaks of two or three aspects, drawn by the guest's weights, each as good, bad or plain as the visit was. So other
reviews tell what a guest cares for and what a restaurant is good at, and the review itself tells the luck as well.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rankpipe.data.sampling import keys
from rankpipe.sample.phrases import ASPECTS, ENGLISH, LANGUAGES

BLOCK = 1024
"""Users generated together; their reviews are shuffled among each other."""
MOST = 3
"""Aspects in one review."""
_BASE, _SPREAD = 3.3, 1.9
_LUCK, _NOISE = 1.1, 0.2
_POLAR = 0.3
_STRICT = np.linspace(-1, 1, len(ASPECTS))[np.argsort(np.arange(len(ASPECTS)) * 7 % len(ASPECTS))]
"""Guests who care for some aspects are stricter than those who care for others."""


class Restaurants:
    """``count`` restaurants; ``quality`` (B, 17), ``popularity`` (B,) cumulative and ending in 1, ``names``."""

    def __init__(self, count: int, seed: int):
        rng = np.random.default_rng([seed, 1])
        self.cuisine = rng.integers(0, len(ENGLISH.dishes), count)
        kitchen = rng.normal(0, 0.45, (len(ENGLISH.dishes), len(ASPECTS)))
        general = rng.normal(0, 0.5, count)
        self.quality = general[:, None] + kitchen[self.cuisine] + rng.normal(0, 0.8, (count, len(ASPECTS)))
        self.popularity = np.cumsum(np.exp(1.8 * general + rng.normal(0, 0.2, count)))
        self.popularity /= self.popularity[-1]
        self.names = names(seed, "business", np.arange(count))

    def cuisine_name(self, business: int) -> str:
        return ENGLISH.dishes[self.cuisine[business]]


@dataclass(frozen=True)
class Block:
    """Some users with all their reviews (n), in a shuffled order."""

    seed: int
    first: int
    """Number of the first user."""
    names: list[str]
    user: np.ndarray
    """(n,) position among this block's users."""
    business: np.ndarray
    """(n,)"""
    stars: np.ndarray
    """(n,) 1 to 5."""
    warmth: np.ndarray
    """(users,) the part of the leniency that shows in fans, votes and adverbs."""
    language: np.ndarray
    """(users,) 0 English, 1 Korean."""
    mentioned: np.ndarray
    """(n, MOST) aspects; −1 = none."""
    met: np.ndarray
    """(n, 17) what the guest met."""

    def key(self, purpose: int) -> list[int]:
        """The seed of a generator of this block's own."""
        return [self.seed, 3 + purpose, self.first]

    def texts(self, restaurants: Restaurants) -> Iterator[str]:
        """The n texts, in the order of the reviews."""
        rng = np.random.default_rng(self.key(0))
        n = len(self.stars)
        words = rng.integers(0, 1 << 30, (n, MOST, 3)).tolist()
        tone = rng.normal(0, 1.0, (n, MOST))
        ends = rng.random((n, 2)).tolist()
        for i in range(n):
            warmth, language = self.warmth[self.user[i]], LANGUAGES[self.language[self.user[i]]]
            dish = language.dishes[restaurants.cuisine[self.business[i]]]
            said = []
            for j, aspect in enumerate(self.mentioned[i].tolist()):
                if aspect < 0:
                    continue
                about = language.aspects[ASPECTS[aspect]]
                met = self.met[i, aspect]
                adjectives = about.good if met > _POLAR else about.bad if met < -_POLAR else about.plain
                a, b, c = words[i][j]
                adverb = language.adverbs[int(np.clip(np.rint(2.5 - 2.2 * warmth + tone[i, j]), 0, 5))]
                subject = about.subjects[a % len(about.subjects)].format(dish)
                said.append(language.frames[b % len(language.frames)].format(
                    subject=subject, Subject=subject.capitalize(), adverb=adverb,
                    adjective=adjectives[c % len(adjectives)]))
            if ends[i][0] < 0.75:
                closers = language.closers[int(self.stars[i]) - 1]
                said.append(closers[int(ends[i][1] * len(closers))])
            yield " ".join(said)


class Diners:
    """``count`` guests who write ``reviews`` reviews between them, at least one each, never two of one restaurant."""

    def __init__(self, restaurants: Restaurants, count: int, reviews: int, korean: float, seed: int):
        self.restaurants, self.count, self.korean, self.seed = restaurants, count, korean, seed
        activity = np.cumsum(np.exp(np.random.default_rng([seed, 2]).normal(0, 0.4, count)))
        due = np.floor(activity / activity[-1] * (reviews - count) + 1e-9).astype(np.int64)
        most = len(restaurants.names) // 2
        self.wrote = np.minimum(1 + np.diff(due, prepend=0), most)
        while missing := reviews - int(self.wrote.sum()):
            self.wrote[np.flatnonzero(self.wrote < most)[:missing]] += 1

    def block(self, index: int) -> Block:
        """Users ``index · BLOCK`` and on, at most BLOCK of them."""
        first = index * BLOCK
        wrote = self.wrote[first:first + BLOCK]
        m, n = len(wrote), int(wrote.sum())
        rng = np.random.default_rng([self.seed, 8, first])
        weights = np.exp(rng.normal(0, 1.3, (m, len(ASPECTS))))
        weights /= weights.sum(1, keepdims=True)
        warmth = rng.normal(0, 0.6, m)
        strict = (weights * _STRICT).sum(1)
        leniency = 1.2 * warmth + 1.4 * strict + rng.normal(0, 0.1, m)
        language = (rng.random(m) < self.korean).astype(np.int64)
        user = np.repeat(np.arange(m), wrote)
        business = np.concatenate([self._visits(k, rng) for k in wrote.tolist()])
        order = rng.permutation(n)
        user, business = user[order], business[order]
        met = self.restaurants.quality[business] + rng.normal(0, _LUCK, (n, len(ASPECTS)))
        pleasure = (weights[user] * met).sum(1)
        score = _BASE + leniency[user] + _SPREAD * pleasure + rng.normal(0, _NOISE, n)
        stars = np.clip(np.rint(score), 1, 5).astype(np.int64)
        drawn = np.argsort(-np.log(weights[user]) - rng.gumbel(size=(n, len(ASPECTS))), axis=1)[:, :MOST]
        mentioned = np.where(np.arange(MOST) < rng.integers(2, MOST + 1, n)[:, None], drawn, -1)
        return Block(self.seed, first, names(self.seed, "user", np.arange(first, first + m)), user, business, stars,
                     warmth, language, mentioned, met)

    def _visits(self, count: int, rng: np.random.Generator) -> np.ndarray:
        """(count,) different restaurants, by popularity."""
        popularity = self.restaurants.popularity
        if count * 8 > len(popularity):
            weight = np.diff(popularity, prepend=0)
            return np.argsort(-np.log(weight) - rng.gumbel(size=len(weight)), kind="stable")[:count]
        found: dict[int, None] = {}
        while len(found) < count:
            found.update(dict.fromkeys(np.searchsorted(popularity, rng.random(2 * count)).tolist()))
        return np.array(list(found)[:count])


def names(seed: int, purpose: str, index: np.ndarray) -> list[str]:
    """Eleven characters each, no two alike."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
    found = []
    for key in keys(seed, purpose, index).tolist():
        found.append("".join(letters[(key >> shift) & 63] for shift in range(0, 64, 6)))
    return found
