"""The films of the generated recommendation data: what their tables say of them, and what makes people like them.

Whatever passes through exp is computed in float64 and rounded, since its last bit differs between processors.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

GENRES = ("Drama", "Comedy", "Thriller", "Romance", "Action", "Crime", "Horror", "Documentary", "Adventure", "Sci-Fi",
          "Mystery", "Fantasy", "War", "Children", "Musical", "Animation", "Western", "Film-Noir")
GENRE_SHARES = np.array([20, 16, 10, 8, 8, 6, 5, 4, 4, 4, 3, 3, 2, 2, 2, 1.5, 1, 0.5]) / 100
STYLES = 6
"""Axes of taste that no table names; a film has them mostly from its director, less from its writers."""
DIRECTORS_PER_FILM, WRITERS_PER_FILM = 1340 / 6807, 2989 / 6807
FIRST_YEAR, LAST_YEAR = 1930, 2014
YEAR_MISSING, GENRE_MISSING, DIRECTOR_MISSING, WRITER_MISSING = 0.02, 0.01, 0.08, 0.15
POPULARITY = 1.25
"""Standard deviation of the log of the popularity."""
ITEMS, PEOPLE = 1, 2
"""Random streams."""
_FIRST = ("Silent", "Golden", "Broken", "Last", "Hidden", "Crimson", "Distant", "Burning", "Frozen", "Lonely", "Secret",
          "Wild", "Endless", "Pale", "Electric", "Gentle", "Savage", "Hollow", "Midnight", "Paper")
_SECOND = ("River", "Garden", "Promise", "Station", "Kingdom", "Winter", "Harbour", "Letter", "Shadow", "Orchard",
           "Machine", "Carnival", "Island", "Mirror", "Highway", "Song", "Mountain", "Empire", "Window", "Stranger")


@dataclass(frozen=True)
class Catalogue:
    """I films."""

    ids: np.ndarray
    """(I,) int64, rising, with gaps."""
    genres: np.ndarray
    """(I, 18) bool, at least one each."""
    directors: np.ndarray
    """(I, 2) int, −1 = no second one."""
    writers: np.ndarray
    """(I, 3)."""
    years: np.ndarray
    """(I,) int64."""
    styles: np.ndarray
    """(I, 6) of unit variance."""
    popularity: np.ndarray
    """(I,) log of it."""
    told: np.ndarray
    """(I, 4) bool: whether years, genres, directors and writers have the film."""


def catalogue(items: int, seed: int) -> Catalogue:
    """Everything about ``items`` films, from the seed alone."""
    rng = np.random.default_rng(np.random.SeedSequence((seed, ITEMS)))
    ids = np.cumsum(rng.integers(1, 34, items)) if items > 1 else np.ones(1, np.int64)
    main = np.searchsorted(np.cumsum(GENRE_SHARES), rng.random(items) * (1 - 1e-9))
    genres = rng.random((items, len(GENRES))) < 3.2 * GENRE_SHARES * 0.35
    genres[np.arange(items), main] = True
    directors, director_styles = _people(rng, main, items, DIRECTORS_PER_FILM, (1.0, 0.08))
    writers, writer_styles = _people(rng, main, items, WRITERS_PER_FILM, (1.0, 0.5, 0.2))
    own = rng.standard_normal((items, STYLES))
    styles = np.round(0.8 * director_styles + 0.35 * writer_styles + 0.5 * own, 6)
    age = np.minimum(rng.standard_exponential(items) * 13, LAST_YEAR - FIRST_YEAR)
    popularity = np.round(POPULARITY * rng.standard_normal(items), 6)
    missing = np.array([YEAR_MISSING, GENRE_MISSING, DIRECTOR_MISSING, WRITER_MISSING])
    told = rng.random((items, 4)) >= missing
    return Catalogue(ids, genres, directors, writers, LAST_YEAR - age.astype(np.int64), styles, popularity, told)


def _people(rng: np.random.Generator, main: np.ndarray, items: int, per_film: float,
            chances: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Who made each film, at most ``len(chances)`` people of ``per_film · items``, and the style they give it.

    People keep to a genre: person p works on films whose main genre is p modulo 18, if there are so many people, and
    four times out of five.
    """
    people = max(len(GENRES), round(per_film * items))
    styles = rng.standard_normal((people, STYLES))
    each = people // len(GENRES)
    rank = np.floor(each * rng.random((items, len(chances))) ** 1.6).astype(np.int64)
    home = rank * len(GENRES) + main[:, None]
    anywhere = rng.integers(0, people, home.shape)
    who = np.where(rng.random(home.shape) < 0.8, home, anywhere)
    who[rng.random(home.shape) >= np.array(chances)] = -1
    for place in range(1, who.shape[1]):  # nobody twice
        who[(who[:, place, None] == who[:, :place]).any(1), place] = -1
    present = who >= 0
    weight = present / np.sqrt(np.maximum(present.sum(1), 1))[:, None]
    return who, np.einsum("ip,ips->is", weight, styles[who])


def tables(films: Catalogue) -> Iterator[tuple[str, tuple[str, str], Iterator[tuple[str, str]]]]:
    """(file name, heading, lines) of the five tables: a line for each pair of film and value."""
    ids = films.ids.tolist()
    years, genres, directors, writers = films.told.T
    yield "titles.tsv", ("item", "title"), ((str(i), _title(n, int(films.years[n]))) for n, i in enumerate(ids))
    yield "years.tsv", ("item", "year"), ((str(i), str(films.years[n])) for n, i in enumerate(ids) if years[n])
    yield "genres.tsv", ("item", "genre"), (
        (str(i), GENRES[g]) for n, i in enumerate(ids) if genres[n] for g in np.flatnonzero(films.genres[n]))
    for name, who, told, start in (("director", films.directors, directors, 1), ("writer", films.writers, writers, 5)):
        yield f"{name}s.tsv", ("item", name), (
            (str(i), f"nm{start}{p:06d}") for n, i in enumerate(ids) if told[n] for p in who[n].tolist() if p >= 0)


def _title(number: int, year: int) -> str:
    """A name of its own for each number."""
    first, rest = number % len(_FIRST), number // len(_FIRST)
    second, part = (rest + first) % len(_SECOND), rest // len(_SECOND)
    return f"{_FIRST[first]} {_SECOND[second]}{f' {part + 1}' if part else ''} ({year})"
