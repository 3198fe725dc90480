"""Raw data in the shape of Yelp's academic files, any number of reviews, with hidden aspects behind stars and words."""

import argparse
import json
import math
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_file
from rankpipe.progress import bar
from rankpipe.sample.restaurants import BLOCK, Block, Diners, Restaurants, names

REVIEWS, USERS, BUSINESSES, PAIRS = "review.json", "user.json", "business.json", "pairs.csv"
COMPLIMENTS = ("hot", "more", "plain", "cool", "writer")
FIRST_SECOND, LAST_SECOND = 1_420_070_400, 1_640_995_200
"""2015-01-01 and 2022-01-01, UTC."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--rows", type=int, required=True, help="reviews")
    parser.add_argument("--out", type=Path, required=True, help="folder of the files")
    parser.add_argument("--users", type=int, default=None, help="users (three for every 20 reviews)")
    parser.add_argument("--businesses", type=int, default=None, help="businesses (one for every 20 reviews)")
    parser.add_argument("--korean", type=float, default=0.0, help="share of the users who write Korean (0)")
    parser.add_argument("--pairs", type=int, default=None, help="pairs to be rated (one for every 20 reviews)")
    parser.add_argument("--seed", type=int, default=7)


def generate(arguments: argparse.Namespace) -> None:
    """Writes the four files, and prints what the stars are like. Memory: some 300 bytes a business, 20 a user.

    ``average_stars`` and ``stars`` are means over all reviews of the file, the latter in steps of a half, like Yelp's.
    """
    users = math.ceil(arguments.rows * 3 / 20) if arguments.users is None else arguments.users
    businesses = max(8, math.ceil(arguments.rows / 20)) if arguments.businesses is None else arguments.businesses
    _check(arguments, users, businesses)
    restaurants = Restaurants(businesses, arguments.seed)
    diners = Diners(restaurants, users, arguments.rows, arguments.korean, arguments.seed)
    stars_of, reviews_of = np.zeros(businesses), np.zeros(businesses, np.int64)
    squares = 0.0
    arguments.out.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        review_file, user_file, business_file = (_lines(stack, arguments.out / n) for n in (REVIEWS, USERS, BUSINESSES))
        progress = stack.enter_context(bar(arguments.rows, REVIEWS, "review"))
        for start in range(0, users, BLOCK):
            block = diners.block(start // BLOCK)
            _write(review_file, _reviews(block, restaurants))
            _write(user_file, _users(block))
            stars_of += np.bincount(block.business, block.stars, businesses)
            reviews_of += np.bincount(block.business, minlength=businesses)
            squares += float((block.stars.astype(np.float64) ** 2).sum())
            progress.update(len(block.stars))
        _write(business_file, _businesses(restaurants, stars_of, reviews_of))
        pair_file = _lines(stack, arguments.out / PAIRS)
        pair_file.write("user_id,business_id\n")
        pair_file.writelines(f"{user},{business}\n" for user, business in _pairs(arguments, users, businesses))
    mean = stars_of.sum() / arguments.rows
    print(f"{arguments.rows} reviews, {users} users, {businesses} businesses; stars {mean:.3f} ± "
          f"{math.sqrt(squares / arguments.rows - mean**2):.3f}")


def _reviews(block: Block, restaurants: Restaurants) -> Iterator[dict[str, Any]]:
    seconds = np.random.default_rng(block.key(1)).integers(FIRST_SECOND, LAST_SECOND, len(block.stars))
    votes = np.random.default_rng(block.key(2)).poisson(0.25 * np.exp(block.warmth[block.user, None]),
                                                         (len(block.stars), 3))
    for i, text in enumerate(block.texts(restaurants)):
        useful, funny, cool = votes[i].tolist()
        yield {"user_id": block.names[block.user[i]], "business_id": restaurants.names[block.business[i]],
               "stars": float(block.stars[i]), "useful": useful, "funny": funny, "cool": cool, "text": text,
               "date": datetime.fromtimestamp(int(seconds[i]), UTC).strftime("%Y-%m-%d %H:%M:%S")}


def _users(block: Block) -> Iterator[dict[str, Any]]:
    """The warmer a user, the more fans, votes and compliments: what a model can know of a newcomer's leniency."""
    rng = np.random.default_rng(block.key(3))
    n = len(block.names)
    wrote = np.bincount(block.user, minlength=n)
    mean = np.bincount(block.user, block.stars, n) / np.maximum(wrote, 1)
    known = np.exp(1.5 * block.warmth + rng.normal(0, 0.2, n))
    votes = rng.poisson(wrote[:, None] * known[:, None] * np.array([4.0, 1.0, 2.0]))
    fans = rng.poisson(4.0 * known)
    compliments = rng.poisson(known[:, None] * rng.uniform(0.3, 1.5, len(COMPLIMENTS)))
    for i, name in enumerate(block.names):
        useful, funny, cool = votes[i].tolist()
        yield {"user_id": name, "name": f"User {block.first + i}", "review_count": int(wrote[i]),
               "useful": useful, "funny": funny, "cool": cool, "fans": int(fans[i]),
               "average_stars": round(float(mean[i]), 2),
               **{f"compliment_{kind}": int(c) for kind, c in zip(COMPLIMENTS, compliments[i], strict=True)}}


def _businesses(restaurants: Restaurants, stars: np.ndarray, reviews: np.ndarray) -> Iterator[dict[str, Any]]:
    for i, name in enumerate(restaurants.names):
        if reviews[i]:  # Yelp's file has no business without a review
            yield {"business_id": name, "name": f"{restaurants.cuisine_name(i).title()} House {i}",
                   "stars": round(2 * stars[i] / reviews[i]) / 2, "review_count": int(reviews[i]),
                   "categories": f"Restaurants, {restaurants.cuisine_name(i).title()}"}


def _pairs(arguments: argparse.Namespace, users: int, businesses: int) -> Iterator[tuple[str, str]]:
    """Any user with any business; one user in ten, and one business in ten, has no review in the files."""
    rng = np.random.default_rng([arguments.seed, 9])
    total = math.ceil(arguments.rows / 20) if arguments.pairs is None else arguments.pairs
    for start in range(0, total, BLOCK):
        n = min(BLOCK, total - start)
        user, business = rng.integers(0, users, n), rng.integers(0, businesses, n)
        user, business = (np.where(rng.random(n) < 0.1, codes + count, codes)
                          for codes, count in ((user, users), (business, businesses)))
        yield from zip(names(arguments.seed, "user", user), names(arguments.seed, "business", business), strict=True)


def _lines(stack: ExitStack, path: Path) -> TextIO:
    return stack.enter_context(open(stack.enter_context(atomic_file(path)), "w", encoding="utf-8", newline="\n"))


def _write(file: TextIO, rows: Iterator[dict[str, Any]]) -> None:
    file.writelines(json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n" for row in rows)


def _check(arguments: argparse.Namespace, users: int, businesses: int) -> None:
    limits = {"rows": (arguments.rows, 1, math.inf), "users": (users, 1, arguments.rows),
              "businesses": (businesses, 8, math.inf), "korean": (arguments.korean, 0, 1),
              "pairs": (arguments.pairs or 0, 0, math.inf),
              "seed": (arguments.seed, 0, math.inf)}
    for name, (value, low, high) in limits.items():
        if not low <= value <= high:
            raise InputError(f"--{name}: {value} is out of range; it must be from {low} to {high}")
    if arguments.rows > users * (businesses // 2):
        raise InputError(f"--rows: {arguments.rows} are too many for {users} users and {businesses} businesses, "
                         "nobody reviews more than half of them; raise --users or --businesses")
