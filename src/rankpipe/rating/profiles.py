"""Profiles of users and items as named blocks of dense features, put together when a batch is asked for.

A train row's profiles never hold its own review: (sum − own) / (n − 1), and the cold row where n = 1. With
``history: past`` they hold strictly earlier reviews only.
"""

import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from rankpipe import params
from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.io.json import read_json
from rankpipe.rating.history import Past
from rankpipe.rating.reviews import Reviews
from rankpipe.rating.sides import Own, SideProfiles, SideTable
from rankpipe.rating.stats import Prior, Scaling

if TYPE_CHECKING:
    from rankpipe.rating.inputs import Batch, Inputs

FORMAT = 1
ABOUT, TABLES, REVIEWS = "profiles.json", "profiles.h5", "reviews"
SIDES = ("user", "item")
BLOCKS = ("text", "stats", "aspects", "fields")
"""In the order of a side's columns."""
_REMEDY = "run features (dvc repro)"


@dataclass(frozen=True)
class About:
    """``profiles.json``: what the features stage chose and fitted."""

    history: str
    low: float
    high: float
    mean: float
    prior: float
    """Weight of ``mean`` in a mean rating, in reviews."""
    columns: dict[str, tuple[str, ...]]
    """Block → names of its columns, only blocks that have any."""
    scaling: dict[str, tuple[tuple[float, ...], ...]]
    """Side → means and deviations of ln(1 + reviews) and mean rating."""
    reviews: dict[str, str]
    """File of review vectors → SHA-256; nothing where reviews have no text."""
    text: dict[str, Any]
    """Reviews of train, and term → how many of them it is in."""
    aspects: dict[str, Any]
    """What the scorer says of itself."""
    left_out: tuple[str, ...]
    """Columns of the specification that this data has no source for."""
    format: int = FORMAT


class Profiles:
    """What ``features`` wrote to ``folder``. Read-only; any number of processes may share it."""

    def __init__(self, folder: Path, about: About):
        self.folder, self.about = folder, about
        with ArraysReader(folder / TABLES, _REMEDY) as file:
            tables = {side: SideTable.load(file, side) for side in SIDES}
            self.users, self.items = (file.read(f"train/{name}") if f"train/{name}" in file else None
                                      for name in ("users", "items"))
            self.ratings, self.times = (file.read(f"train/{name}") if f"train/{name}" in file else None
                                        for name in ("ratings", "times"))
        vectors = tables["user"].sums.shape[1]
        # An export, which has no rows of train, has no reviews either.
        self.reviews = (Reviews(folder / REVIEWS, about.reviews, vectors)
                        if about.reviews and self.users is not None else None)
        self.sides: dict[str, SideProfiles] = {}
        for side, codes in zip(SIDES, (self.users, self.items), strict=True):
            past = None
            if about.history == "past" and codes is not None:
                past = Past(codes, self.times, self.ratings, len(tables[side]))
            scaling = Scaling(*(np.array(values) for values in about.scaling[side]))
            self.sides[side] = SideProfiles(tables[side], Prior(about.prior, about.mean), scaling, past)

    @classmethod
    def load(cls, folder: str | Path) -> "Profiles":
        """The profiles in ``folder``: ``build/<size>/rating/features``, or what :meth:`export` wrote.

        Raises:
            InputError: a file is missing, damaged or of another format.
        """
        path = Path(folder) / ABOUT
        found = read_json(path)
        if not isinstance(found, dict) or found.get("format") != FORMAT:
            raise InputError(f"{path}: not of format {FORMAT}, which this version reads; run features again")
        return cls(Path(folder), params.block(About, found, str(path)))

    def export(self, folder: str | Path) -> None:
        """Copies to an existing folder all that profiles of rows outside train need.

        Ratings and reviews of train stay behind: the copy takes no ``own``, and looks back from now.
        """
        shutil.copyfile(self.folder / ABOUT, Path(folder) / ABOUT)
        with ArraysWriter(Path(folder) / TABLES) as file:
            for side in SIDES:
                self.sides[side].table.save(file, side)
                file.words(f"{side}/names", self.names(side))

    def names(self, side: str) -> list[str]:
        """Raw ids of the ``user`` or ``item`` side: row c belongs to code c."""
        with ArraysReader(self.folder / TABLES, _REMEDY) as file:
            return file.words(f"{side}/names")

    @cached_property
    def inputs(self) -> "Inputs":
        """The shape that a model is built for."""
        from rankpipe.rating.inputs import Inputs

        sides = ({f"{side}_{block}": len(self.about.columns[f"{side}_{block}"]) for block in BLOCKS
                  if f"{side}_{block}" in self.about.columns} for side in SIDES)
        return Inputs(*sides, len(self.sides["user"].table), len(self.sides["item"].table), self.about.low,
                      self.about.high, self.about.mean)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of :meth:`matrix`: ``user_text:guitar``, ``user_stats:review_count``, …"""
        return tuple(f"{block}:{name}" for block in self.inputs.blocks for name in self.about.columns[block])

    def blocks(self, users: np.ndarray, items: np.ndarray, own: np.ndarray | None = None,
               times: np.ndarray | None = None) -> dict[str, np.ndarray]:
        """Block → (B, columns) float32.

        Args:
            users, items: (B,) codes; one that is outside the tables is cold.
            own: (B,) the rows' numbers in the train split; None for rows of valid, test or no split. Rows of train
                without it find their own reviews in their profiles, the very leak that this module is against.
            times: (B,) int64 seconds that ``history: past`` looks back from, for rows outside train; None = from after
                all of train.
        """
        mine = None if own is None else self._own(users, items, own)
        if mine is not None and self.times is not None:
            times = self.times[mine.numbers]
        found: dict[str, np.ndarray] = {}
        terms = len(self.about.columns.get("user_text", ()))
        for side, codes in zip(SIDES, (users, items), strict=True):
            profiles = self.sides[side]
            known = profiles.known(codes, mine, times, self.reviews)
            vectors = profiles.means(known, mine)
            parts = {"text": vectors[:, :terms], "stats": profiles.scaled_stats(known), "aspects": vectors[:, terms:],
                     "fields": profiles.fields(known)}
            found.update({f"{side}_{name}": parts[name] for name in BLOCKS if f"{side}_{name}" in self.about.columns})
        return found

    def _own(self, users: np.ndarray, items: np.ndarray, own: np.ndarray) -> Own:
        if self.users is None:
            raise ValueError(f"{self.folder}: an export has no rows of train")
        if not (np.array_equal(self.users[own], users) and np.array_equal(self.items[own], items)):
            raise ValueError("own: not the train rows of these users and items")
        ones = np.ones(len(own), np.int64)
        vectors = np.zeros((len(own), 0), np.int64) if self.reviews is None else self.reviews.sums(own, ones)
        return Own(own, self.ratings[own].astype(np.float64), vectors)

    def batch(self, users: np.ndarray, items: np.ndarray, own: np.ndarray | None = None,
              times: np.ndarray | None = None, ratings: np.ndarray | None = None) -> "Batch":
        """The rows as tensors; arguments as for :meth:`blocks`."""
        import torch

        from rankpipe.rating.inputs import Batch

        def codes(values: np.ndarray, unknown: int) -> torch.Tensor:
            values = values.astype(np.int64)
            return torch.from_numpy(np.where((values < 0) | (values > unknown), unknown, values))

        blocks = {name: torch.from_numpy(np.ascontiguousarray(b))
                  for name, b in self.blocks(users, items, own, times).items()}
        return Batch(codes(users, self.inputs.n_users), codes(items, self.inputs.n_items), blocks,
                     None if ratings is None else torch.from_numpy(ratings.astype(np.float32)))

    def matrix(self, users: np.ndarray, items: np.ndarray, own: np.ndarray | None = None,
               times: np.ndarray | None = None, block_rows: int = 4096) -> np.ndarray:
        """(B, D) float32, the blocks of :attr:`columns` side by side; arguments as for :meth:`blocks`."""
        out = np.empty((len(users), len(self.columns)), np.float32)
        for start in range(0, len(users), block_rows):
            part = slice(start, start + block_rows)
            blocks = self.blocks(users[part], items[part], None if own is None else own[part],
                                 None if times is None else times[part])
            np.concatenate(list(blocks.values()), 1, out=out[part])
        return out
