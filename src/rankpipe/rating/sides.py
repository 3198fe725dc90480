"""The profile table of one side: what is known of its m users (or items), stored once, and of a cold one.

Sums over train reviews are kept as whole numbers, so that a row's own review comes out of them exactly. Row m of a
table is the cold one: in the text and aspects the mean over all train reviews, in the stats the mean of train (0), in
the fields the mean over entities.
"""

from dataclasses import dataclass, fields

import numpy as np

from rankpipe.io.arrays import ArraysReader, ArraysWriter
from rankpipe.rating.history import Past
from rankpipe.rating.reviews import SCALE, Reviews
from rankpipe.rating.stats import Prior, Scaling, Unseen


@dataclass(frozen=True)
class SideTable:
    """Arrays over the m entities."""

    counts: np.ndarray
    """(m + 1,) int64 train reviews; the last row those of all."""
    ratings: np.ndarray
    """(m + 1,) float64 sum of their ratings."""
    sums: np.ndarray
    """(m + 1, W) whole: sums of review vectors, in fixed point."""
    unseen: np.ndarray
    """(3, m) float64, see :class:`rankpipe.rating.stats.Unseen`."""
    static: np.ndarray
    """(m, S) float32, scaled: stats that no review can be taken out of."""
    fields: np.ndarray
    """(m, F) uint8."""

    def __len__(self) -> int:
        return len(self.counts) - 1

    def save(self, file: ArraysWriter, side: str) -> None:
        for part in fields(self):
            values = getattr(self, part.name)
            if values.size:  # the format has no tables without columns
                file.put(f"{side}/{part.name}", values)

    @classmethod
    def load(cls, file: ArraysReader, side: str) -> "SideTable":
        """Raises InputError where the file is damaged."""
        counts = file.read(f"{side}/counts")
        empty = {"sums": np.zeros((len(counts), 0), np.int32), "static": np.zeros((len(counts) - 1, 0), np.float32),
                 "fields": np.zeros((len(counts) - 1, 0), np.uint8)}
        return cls(*(empty[part.name] if part.name in empty and f"{side}/{part.name}" not in file
                     else file.read(f"{side}/{part.name}") for part in fields(cls)))


@dataclass(frozen=True)
class Known:
    """What B rows may know of one side's train reviews."""

    at: np.ndarray
    """(B,) int64 code, m = cold."""
    counts: np.ndarray
    """(B,) int64 reviews."""
    ratings: np.ndarray
    """(B,) float64 sum of their ratings."""
    vectors: np.ndarray
    """(B, W) int64 sum of their vectors."""


class SideProfiles:
    """Profiles of one side for rows. ``past`` makes them of strictly earlier reviews only."""

    def __init__(self, table: SideTable, prior: Prior, scaling: Scaling | None = None, past: Past | None = None):
        self.table, self.prior, self.scaling, self.past = table, prior, scaling, past
        self.unseen = Unseen(*table.unseen)
        self.cold_fields = table.fields.mean(0, dtype=np.float64).astype(np.float32)

    def known(self, codes: np.ndarray, own: "Own | None", times: np.ndarray | None, reviews: Reviews | None) -> Known:
        """``codes`` (B,), anything outside [0, m) being cold; ``own`` the rows' own reviews, where they are of train;
        ``times`` (B,) the moment that is looked back from, None = all of train lies before."""
        table, m = self.table, len(self.table)
        codes = codes.astype(np.int64)
        at = np.where((codes >= 0) & (codes < m), codes, m)
        warm = at < m
        if self.past is not None and times is not None:
            counts, ratings = np.zeros(len(at), np.int64), np.zeros(len(at))
            earlier, counts[warm], ratings[warm] = self.past.before(at[warm], times[warm])
            vectors = np.zeros((len(at), 0), np.int64) if reviews is None else reviews.sums(earlier, counts)
        else:
            counts, ratings = np.where(warm, table.counts[at], 0), np.where(warm, table.ratings[at], 0)
            vectors = table.sums[at].astype(np.int64)
            if own is not None:
                counts, ratings, vectors = counts - warm, ratings - warm * own.ratings, vectors - own.vectors
        nothing = counts == 0
        vectors[nothing] = table.sums[m] - (0 if own is None else own.vectors[nothing])
        return Known(at, counts, ratings, vectors)

    def stats(self, known: Known) -> np.ndarray:
        """(B, 2) float64: ln(1 + reviews) and mean rating, NaN where nothing is known."""
        out = np.full((len(known.at), 2), np.nan)
        warm = known.at < len(self.table)
        out[warm] = self.unseen.rows(known.at[warm], known.counts[warm], known.ratings[warm], self.prior)
        return out

    def means(self, known: Known, own: "Own | None") -> np.ndarray:
        """(B, W) float32 mean review vector; of a row that knows no review, that of all of train but its own."""
        everything = self.table.counts[-1] - (own is not None)
        counts = np.where(known.counts > 0, known.counts, max(everything, 1))
        return (known.vectors / (counts[:, None] * float(SCALE))).astype(np.float32)

    def scaled_stats(self, known: Known) -> np.ndarray:
        """(B, 2 + S) float32: reviews and mean rating, then the static ones."""
        if self.scaling is None:
            raise ValueError("the scaling is not fitted")
        out = np.zeros((len(known.at), 2 + self.table.static.shape[1]), np.float32)
        warm = known.at < len(self.table)
        out[:, :2] = self.scaling(self.stats(known))
        out[warm, 2:] = self.table.static[known.at[warm]]
        return out

    def fields(self, known: Known) -> np.ndarray:
        """(B, F) float32."""
        out = np.empty((len(known.at), self.table.fields.shape[1]), np.float32)
        warm = known.at < len(self.table)
        out[warm], out[~warm] = self.table.fields[known.at[warm]], self.cold_fields
        return out


@dataclass(frozen=True)
class Own:
    """The reviews of B train rows themselves, which their profiles must not hold."""

    numbers: np.ndarray
    """(B,) row in the train split."""
    ratings: np.ndarray
    """(B,) float64."""
    vectors: np.ndarray
    """(B, W) int64."""
