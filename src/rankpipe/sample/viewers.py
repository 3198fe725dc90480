"""Who watches which films when, in the generated recommendation data: block i of users depends on the seed and i.

A user takes films without replacement with a weight of exp(logit): the film's popularity and freshness, how far his
tastes meet its genres and styles, and the trend of the genres in his year. Tastes drift: films that the late taste
likes better than the early one come later.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rankpipe.sample.films import GENRES, LAST_YEAR, STYLES, Catalogue

BLOCK = 256
"""Users that share one random stream; part of the bytes, so no parameter."""
CLUSTERS = 8
FEWEST = 8
"""Rows of a user."""
MOST_SHARE = 3
"""Nobody takes more than one in so many films."""
ACTIVITY = 0.9
"""Standard deviation of the log of a user's number of rows."""
GENRE_WEIGHT, STYLE_WEIGHT, TREND_WEIGHT, FRESHNESS, DRIFT = 0.95, 0.75, 0.5, 0.045, 0.9
START = 1_104_537_600
"""The first second of 2005, UTC."""
YEARS = 10.25
YEAR = 31_556_952
CLUSTER_STREAM, COUNT_STREAM, VIEW_STREAM = 3, 4, 5


@dataclass(frozen=True)
class Audience:
    """U users."""

    ids: np.ndarray
    """(U,) int64, rising, with gaps."""
    rows: np.ndarray
    """(U,) int64 films that each takes."""
    centres: np.ndarray
    """(8, 18) genre tastes of the clusters."""
    trend: np.ndarray
    """(18,) how each genre rises over ten years."""
    seed: int


@dataclass(frozen=True)
class Views:
    """Rows of one block, by user and time."""

    users: np.ndarray
    """(n,) int64 ids."""
    items: np.ndarray
    """(n,) positions in the catalogue."""
    times: np.ndarray
    """(n,) int64 unix seconds."""


def audience(users: int, rows: int, items: int, seed: int) -> Audience:
    """``rows`` are dealt out by a log-normal activity, at least 8 a user and at most a third of the films."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, COUNT_STREAM)))
    ids = np.cumsum(rng.integers(1, 9, users))
    activity = np.round(np.exp(ACTIVITY * rng.standard_normal(users)), 6)
    most, left = items // MOST_SHARE, rows - FEWEST * users
    counts = np.zeros(users, np.int64)
    while left > 0:  # what the busiest can't take goes to the others
        open_ = np.flatnonzero(counts < most - FEWEST)
        due = np.rint(np.cumsum(activity[open_]) / activity[open_].sum() * left).astype(np.int64)
        counts[open_] = np.minimum(counts[open_] + np.diff(due, prepend=0), most - FEWEST)
        left = rows - FEWEST * users - int(counts.sum())
    rng = np.random.default_rng(np.random.SeedSequence((seed, CLUSTER_STREAM)))
    centres = rng.standard_normal((CLUSTERS, len(GENRES)))
    return Audience(ids, counts + FEWEST, centres, rng.standard_normal(len(GENRES)), seed)


def views(people: Audience, films: Catalogue) -> Iterator[Views]:
    """All rows, block by block of users."""
    shares = films.genres / np.sqrt(films.genres.sum(1))[:, None]
    for first in range(0, len(people.ids), BLOCK):
        rng = np.random.default_rng(np.random.SeedSequence((people.seed, VIEW_STREAM, first // BLOCK)))
        yield _block(rng, people, slice(first, first + BLOCK), films, shares)


def _block(rng: np.random.Generator, people: Audience, here: slice, films: Catalogue, shares: np.ndarray) -> Views:
    counts = people.rows[here]
    n, genres = len(counts), len(GENRES)
    taste = 0.8 * people.centres[rng.integers(0, CLUSTERS, n)] + 0.6 * rng.standard_normal((n, genres))
    turn = DRIFT * rng.standard_normal((n, genres))
    style = rng.standard_normal((n, STYLES))
    start = YEARS * rng.random(n) ** 0.8
    span = np.minimum(0.02 + 0.4 * rng.standard_exponential(n), YEARS + 0.02 - start)
    year = 2005 + np.floor(start).astype(np.int64)

    trend = TREND_WEIGHT * (start[:, None] / 5 - 1) * people.trend
    weights = np.concatenate([GENRE_WEIGHT * taste + trend, STYLE_WEIGHT * style], 1)
    logit = weights @ np.concatenate([shares, films.styles], 1).T + films.popularity  # (n, I)
    age = np.maximum(year[:, None] - films.years, 0)
    logit -= FRESHNESS * np.minimum(age, 30)
    waiting = rng.standard_exponential(logit.shape) / np.exp(np.round(logit, 3))
    waiting[films.years > np.minimum(year, LAST_YEAR)[:, None]] = np.inf  # not yet released
    most = int(counts.max())
    few = np.argpartition(waiting, most - 1, axis=1)[:, :most]
    order = np.argsort(np.take_along_axis(waiting, few, 1), axis=1, kind="stable")
    taken = np.take_along_axis(few, order, 1)
    real = np.arange(most) < counts[:, None]
    users, items = np.repeat(np.arange(n), counts), taken[real]

    late = np.round(np.einsum("ng,ng->n", turn[users], shares[items]), 6) + rng.standard_normal(len(items))
    items = items[np.lexsort((late, users))]
    return Views(people.ids[here][users], items, _times(rng, counts, start, span))


def _times(rng: np.random.Generator, counts: np.ndarray, start: np.ndarray, span: np.ndarray) -> np.ndarray:
    """(sum of counts,) seconds, rising for each user: sittings of ten films or so, some seconds between two."""
    sittings = 1 + counts // 10
    users = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(users)) - np.repeat(np.cumsum(counts) - counts, counts)
    owner = np.repeat(np.arange(len(counts)), sittings)
    when = rng.random(len(owner))
    when = when[np.lexsort((when, owner))]
    sitting = (np.cumsum(sittings) - sittings)[users] + place * sittings[users] // counts[users]
    begin = START + np.floor(YEAR * (start[users] + span[users] * when[sitting])).astype(np.int64)
    # A sitting can't begin before the one before it has ended.
    gaps = np.cumsum(rng.integers(5, 90, len(users)))
    return begin + gaps - np.repeat(gaps[np.cumsum(counts) - counts], counts)
