"""Rows of the Toss ad-click task, block by block: block i depends on the seed, the split and i, not on its neighbours.

Whatever passes through exp or cos is computed in float64 and rounded, since their last bit differs between processors.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from rankpipe.sample import signal

BLOCK = 4096
"""Rows that share one random stream; part of the bytes, so no parameter."""
TRAIN, TEST, SETTINGS = 0, 1, 2
DAYS = (4, 1, 6, 2, 5, 7, 3)
TEST_DAY = 7
GENDERS = ("1.0", "2.0")
AGES = tuple(f"{i}.0" for i in range(1, 9))
SLOTS = ("2", "5", "8", "11", "13", "19", "21", "26", "29", "31", "36", "37", "39", "41", "42", "43", "46", "91")
SLOT_SHARES = (0.19, 0.15, 0.13, 0.12, 0.1, 0.08, 0.06, 0.05, 0.04, 0.03, 0.02, 0.01, 0.01) + (0.002,) * 5
HOURS = tuple(f"{i:02d}" for i in range(24))
ITEMS, ZIPF_EXPONENT, ZIPF_SHIFT = 576, 2.5, 12.0
SESSION = 5
"""Mean number of items in a row of one topic."""
LENGTH_SIGMA, LONGEST = 0.65, 14_400
ADS = 8000
CONSTANT_LEVELS = {20: 2, 23: 1}
LEVELS = {1: 2, 2: 2, 3: 3, 4: 26, 5: 1026, 6: 870, 7: 301, 8: 2, 9: 461, 10: 254, 11: 1445, 12: 4855, 13: 2, 14: 3191,
          15: 2533, 16: 2, 18: 6, 19: 2, 21: 2, 22: 2, 24: 2, 25: 1947, 26: 18, 27: 5}
"""Largest value of each ``l_feat``; 20 and 23 are constant and 17 repeats 9."""
USER_MISSING, A_MISSING, E3_MISSING = 0.0024, 0.0025, 0.088

# Family → how a standard normal becomes a value (see `_shape`), and the scale of each of its columns.
FAMILIES: dict[str, tuple[str, tuple[float, ...]]] = {
    "feat_e": ("skewed", (65, -2500, 5, -0.05, -0.05, -0.04, 21, -180, -10, -280)),
    "feat_d": ("saturating", (0.39, 2, 1.76, 14, -0.3, -0.42)),
    "feat_c": ("saturating", (59, 36, 83, 29, 47, 8, 74, 32)),
    "feat_b": ("skewed", (4.3, -3.4, 17, 0.9, -42, 1200)),
    "feat_a": ("sparse", (14, 4.8, 31, 88, 87, 17, 37, 63, 90, 77, 38, 14, 48, 7, 62, 19, 3.6, 48)),
    "history_a": ("mild", (0.2, 0.15, 0.3, 0.25, 0.1, 0.35, 0.4)),
    "history_b": ("mild", tuple(round(0.04 * (i + 2), 2) for i in range(30))),
}
COLUMNS = ("gender", "age_group", "inventory_id", "day_of_week", "hour", "seq", *(f"l_feat_{i}" for i in range(1, 28)),
           *(f"{family}_{i}" for family, (_, scales) in FAMILIES.items() for i in range(1, len(scales) + 1)))
SCHEMA = pa.schema([(name, pa.string() if i < 6 else pa.float32()) for i, name in enumerate(COLUMNS)])
LABEL = pa.field("clicked", pa.int32())
ID = pa.field("ID", pa.string())
HISTORY_SIGNAL = {"history_a": 3, "history_b": 12}
"""First columns of each history family, which the logit reads."""


@dataclass(frozen=True)
class Settings:
    """What shapes all rows of a data set; tables that every block shares are drawn once from the seed."""

    seed: int
    mean_length: float
    intercept: float = 0.0

    def stream(self, split: int, block: int) -> np.random.Generator:
        return np.random.Generator(np.random.SFC64(np.random.SeedSequence((self.seed, split, block))))


class Block(NamedTuple):
    """n rows and what is true of them."""

    features: pa.RecordBatch
    """Columns of :data:`SCHEMA`."""
    labels: np.ndarray
    """(n,) int32."""
    logit: np.ndarray
    """(n,) float64, the best score there can be."""
    rest: np.ndarray
    """(n,) the logit without its sequence part: the best score for a model that is blind to sequences."""


class Rows:
    """Generator of blocks; the tables of ads and items are a few MB."""

    def __init__(self, settings: Settings):
        self.settings = settings
        stream = settings.stream(SETTINGS, 0)
        self.ads = _ads(stream)
        self.items = _items(stream)
        text = np.zeros((2, ITEMS + 1, 4), np.uint8)
        for item in range(1, ITEMS + 1):
            digits = str(item).encode()
            text[0, item, : len(digits) + 1] = list(digits + b",")
            text[1, item, : len(digits)] = list(digits)
        self.text, self.last_text = text.view(np.uint32)[..., 0]

    def block(self, split: int, index: int, days: np.ndarray) -> "Block":
        """Block ``index`` of a split, as many of its rows as ``days`` has entries."""
        n, rng = BLOCK, self.settings.stream(split, index)
        gender = (rng.random(n) < 0.4).astype(np.int64)
        age = rng.choice(len(AGES), n, p=(0.03, 0.03, 0.05, 0.06, 0.22, 0.35, 0.25, 0.01))
        slot = rng.choice(len(SLOTS), n, p=SLOT_SHARES)
        hour = (rng.integers(0, 24, n) + np.where(rng.random(n) < 0.5, 0, rng.integers(0, 3, n))) % 24
        seq, part = self._sequences(rng, slot)
        ads = self.ads[:, (ADS * rng.random(n) ** 2).astype(np.int64)]
        normals = {}
        for family, (_, scales) in FAMILIES.items():
            rho = signal.HISTORY_CORRELATION
            draws = rng.standard_normal((len(scales) + 1, n))
            normals[family] = rho * draws[:1] + np.sqrt(1 - rho**2) * draws[1:]
        history = sum(signal.history(normals[family][:k]) for family, k in HISTORY_SIGNAL.items()) / np.sqrt(2)
        numeric = signal.numeric(normals["feat_b"][2], normals["feat_c"][2], normals["feat_e"][6])
        rest = (signal.WEIGHTS["history"] * history + signal.WEIGHTS["numeric"] * numeric
                + signal.WEIGHTS["categorical"] * signal.categorical(gender, slot, age, hour))
        logit = self.settings.intercept + rest + signal.WEIGHTS["sequence"] * part
        labels = (rng.random(n) < 1 / (1 + np.exp(-logit))).astype(np.int32)
        no_user, no_a, no_e3 = (rng.random(n) < share for share in (USER_MISSING, A_MISSING, E3_MISSING))

        arrays = [_words(GENDERS, gender, no_user), _words(AGES, age, no_user), _words(SLOTS, slot),
                  pa.array([str(d) for d in days.tolist()], pa.string()), _words(HOURS, hour), seq]
        arrays += [pa.array(column) for column in ads]
        for family, (kind, scales) in FAMILIES.items():
            missing = {"feat_a": no_a, "history_a": None, "history_b": None}.get(family, no_user)
            for i, scale in enumerate(scales):
                values = _shape(kind, normals[family][i], scale)
                hole = no_user | no_e3 if (family, i) == ("feat_e", 2) else missing
                arrays.append(pa.array(values, mask=hole))
        m = len(days)
        batch = pa.RecordBatch.from_arrays([a.slice(0, m) for a in arrays], schema=SCHEMA)
        return Block(batch, labels[:m], logit[:m], rest[:m])

    def _sequences(self, rng: np.random.Generator, slot: np.ndarray) -> tuple[pa.Array, np.ndarray]:
        """Texts of item ids, oldest first, and the (n,) sequence part of the logit."""
        n = len(slot)
        median = np.log(self.settings.mean_length) - LENGTH_SIGMA**2 / 2
        lengths = np.clip(np.exp(median + LENGTH_SIGMA * rng.standard_normal(n)), 1, LONGEST).astype(np.int64)
        ends = lengths.cumsum()
        total = int(ends[-1])
        turns = rng.integers(0, 256, total, np.uint8) < 256 // SESSION
        turns[0] = True
        turns[ends[:-1]] = True
        starts = np.flatnonzero(turns)
        topics = np.repeat(rng.integers(0, signal.TOPICS, len(starts), np.uint8), np.diff(starts, append=total))
        items = self.items[topics.astype(np.int32) << 16 | rng.integers(0, 1 << 16, total, np.uint16)]
        text = self.text[items]
        text[ends - 1] = self.last_text[items[ends - 1]]
        letters = text.view(np.uint8)
        width = np.add.reduceat(_DIGITS[items], np.r_[0, ends[:-1]], dtype=np.int64) + lengths - 1
        offsets = np.r_[0, width.cumsum()].astype(np.int32)
        values = pa.StringArray.from_buffers(n, pa.py_buffer(offsets), pa.py_buffer(letters[letters != 0]))
        return values, signal.sequence(topics, ends, lengths, slot)


_DIGITS = np.array([len(str(i)) for i in range(ITEMS + 1)], np.uint8)


def _items(rng: np.random.Generator) -> np.ndarray:
    """(topics · 2¹⁶,) uint16: the item of each topic and 16-bit draw, popularity by Zipf–Mandelbrot, ids shuffled."""
    ranks = np.arange(ITEMS)
    shares = (ranks + 1 + ZIPF_SHIFT) ** -ZIPF_EXPONENT
    ids = rng.permutation(ITEMS) + 1
    tables = []
    for topic in range(signal.TOPICS):
        mine = ranks[ranks % signal.TOPICS == topic]
        edges = np.round(shares[mine].cumsum() / shares[mine].sum() * (1 << 16)).astype(np.int64)
        tables.append(np.repeat(ids[mine], np.diff(edges, prepend=0)))
    return np.concatenate(tables).astype(np.uint16)


def _ads(rng: np.random.Generator) -> np.ndarray:
    """(27, ADS) float32 attributes of each ad."""
    table = np.empty((27, ADS), np.float32)
    for i in range(1, 28):
        if i in LEVELS:
            top = LEVELS[i]
            draw = rng.random(ADS)
            table[i - 1] = np.where(draw < 0.85, 2, 1) if top == 2 else 1 + np.floor(top * draw * 0.999999)
    for i, level in CONSTANT_LEVELS.items():
        table[i - 1] = level
    table[16] = table[8]
    return table


def _words(words: tuple[str, ...], codes: np.ndarray, missing: np.ndarray | None = None) -> pa.Array:
    codes = pa.array(codes.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(codes, pa.array(words)).dictionary_decode()


def _shape(kind: str, normal: np.ndarray, scale: float) -> np.ndarray:
    """(n,) standard normals → (n,) float32 values of a column, rounded to about a hundred levels, monotone."""
    if kind == "skewed":
        values = scale * np.exp(0.8 * normal)
    elif kind == "mild":
        values = scale * np.exp(0.4 * normal)
    elif kind == "saturating":
        values = scale * (1 - np.exp(-np.exp(0.7 + 0.9 * normal)))
    else:
        values = scale * np.clip(np.floor((normal - 0.8) * 4), 0, 5) / 5
    return np.round(values, 2 - int(np.ceil(np.log10(abs(scale))))).astype(np.float32)
