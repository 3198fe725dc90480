"""Looks for leaks in finished profiles: ``python -m rankpipe.rating.audit SIZE``, and at the end of the features stage.

For a sample of rows of every split the profiles are made once more from the table's raw texts and ratings, by plain
sums over the reviews that a row may know, and compared. A profile that holds its row's own review, one of valid or
test, or with ``history: past`` a later one, differs.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from rankpipe import paths
from rankpipe.rating import table
from rankpipe.rating.aspects import Aspects, AspectScorer, scorer
from rankpipe.rating.profiles import SIDES, Profiles
from rankpipe.rating.reviews import SCALE
from rankpipe.rating.text import TextEncoder
from rankpipe.stage import run

SAMPLE = 48
"""Rows of each split and side."""
FEW = 50
"""Rows whose user (or item) has no more train reviews come first: each of those is encoded once more."""
TOLERANCE = 1e-3
"""Room for float32 and fixed point. One review more or less moves a mean by a multiple of it."""
_ROWS = 4096


class LeakError(Exception):
    """A profile isn't made of the reviews that it may be made of."""


@dataclass
class _Sample:
    """B rows of one split, and what one side of them may know, added up review by review."""

    split: str
    side: str
    rows: np.ndarray
    codes: np.ndarray
    own: np.ndarray | None
    times: np.ndarray | None
    width: int
    counts: np.ndarray = field(init=False)
    ratings: np.ndarray = field(init=False)
    vectors: np.ndarray = field(init=False)
    """(B, W) float64: the sum over the reviews that a row may know."""
    mine: np.ndarray = field(init=False)
    """(B, W) float64: the row's own review."""

    def __post_init__(self) -> None:
        n = len(self.codes)
        self.counts, self.ratings = np.zeros(n), np.zeros(n)
        self.vectors, self.mine = np.zeros((n, self.width)), np.zeros((n, self.width))

    def may(self, start: int, codes: np.ndarray, times: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        """(B, n) bool: which of the reviews from ``start`` on each row may know, and which one is its own."""
        may = codes[None] == self.codes[:, None]
        if times is not None and self.times is not None:
            may &= times[None] < self.times[:, None]
        if self.own is None:
            return may, np.zeros_like(may)
        own = self.own[:, None] == start + np.arange(len(codes))[None]
        return may & ~own, own


def check_leaks(size: str, folder: Path | None = None, judge: AspectScorer | None = None, seed: int = 0) -> int:
    """Compares a sample of the profiles in ``folder`` (the size's features) with sums over raw reviews.

    Args:
        judge: the aspect scorer, where it is loaded already.

    Returns:
        How many rows were compared.

    Raises:
        LeakError: one differs.
        InputError: table or features are missing or damaged.
    """
    profiles = Profiles.load(folder or paths.features(size, table.TRACK))
    splits = {split: table.read(size, split) for split in table.SPLITS}
    encoders = _encoders(profiles, judge)
    samples = list(_samples(profiles, splits, sum(len(part.columns) for part in encoders), seed))
    train, past = splits["train"], profiles.about.history == "past"
    for start, texts in _reviews(size, len(train), bool(encoders)):
        part = slice(start, start + len(texts))
        found = [s.may(start, train.users[part] if s.side == "user" else train.items[part],
                       train.times[part] if past else None) for s in samples]
        used = np.flatnonzero(np.any([may.any(0) | own.any(0) for may, own in found], 0))
        some = [texts[i] for i in used]
        vectors = np.concatenate([part(some).toarray() for part in encoders], 1) if encoders and some else None
        for sample, (may, own) in zip(samples, found, strict=True):
            sample.counts += may.sum(1)
            sample.ratings += may @ train.ratings[part].astype(np.float64)
            if vectors is not None:
                sample.vectors += may[:, used].astype(np.float64) @ vectors
                sample.mine += own[:, used].astype(np.float64) @ vectors
    files = {"user": table.users(size).stats, "item": table.items(size).stats}
    for sample in samples:
        _compare(sample, profiles, splits, files[sample.side])
    return len({(s.split, row) for s in samples for row in s.rows.tolist()})


def _encoders(profiles: Profiles, judge: AspectScorer | None) -> list[TextEncoder | AspectScorer]:
    text, aspects = profiles.about.text, profiles.about.aspects
    found: list[TextEncoder | AspectScorer] = []
    if text:
        found.append(TextEncoder({t: text["terms"][t] for t in sorted(text["terms"])}, text["reviews"]))
    if aspects:
        known = {k: v for k, v in aspects.items() if k in Aspects.__dataclass_fields__}
        found.append(judge or scorer(Aspects(**known)))
    return found


def _reviews(size: str, rows: int, text: bool) -> Iterator[tuple[int, list[str]]]:
    start = 0
    blocks = table.texts(size, "train") if text else ([""] * min(_ROWS, rows - at) for at in range(0, rows, _ROWS))
    for texts in blocks:
        yield start, texts
        start += len(texts)


def _samples(profiles: Profiles, splits: dict[str, table.Ratings], width: int, seed: int) -> Iterator[_Sample]:
    for split, rows in splits.items():
        order = np.random.Generator(np.random.Philox(key=seed)).permutation(len(rows))
        for side in SIDES:
            codes = rows.users if side == "user" else rows.items
            many = (codes >= 0) & (profiles.sides[side].table.counts[codes] > FEW)
            mine = np.sort(order[np.argsort(many[order], kind="stable")[:SAMPLE]])
            yield _Sample(split, side, mine, codes[mine], mine if split == "train" else None,
                          None if rows.times is None else rows.times[mine], width)


def _compare(sample: _Sample, profiles: Profiles, splits: dict[str, table.Ratings],
             stats: dict[str, np.ndarray]) -> None:
    rows = splits[sample.split]
    found = profiles.blocks(rows.users[sample.rows], rows.items[sample.rows], sample.own, sample.times)
    kept = profiles.sides[sample.side]
    # Of a row that knows no review: all of train but its own.
    nothing = sample.counts == 0
    total = kept.table.sums[:-1].sum(0, dtype=np.int64) / SCALE
    size = np.where(nothing, len(splits["train"]) - (sample.own is not None), sample.counts)
    vectors = np.where(nothing[:, None], total - sample.mine, sample.vectors) / np.maximum(size, 1)[:, None]
    terms = len(profiles.about.columns.get(f"{sample.side}_text", ()))
    expected = {"text": vectors[:, :terms], "aspects": vectors[:, terms:],
                "stats": _stats(sample, profiles, splits, stats)}
    for block, values in expected.items():
        shown = found.get(f"{sample.side}_{block}")
        if shown is None:
            continue
        wrong = np.abs(shown[:, :values.shape[1]] - values).max(1, initial=0) > TOLERANCE
        if wrong.any():
            raise LeakError(f"{sample.side}_{block} of {sample.split} rows {sample.rows[wrong][:5].tolist()}: not the "
                            "mean of the reviews that the rows may know; their own, hidden or later ones are in it")


def _stats(sample: _Sample, profiles: Profiles, splits: dict[str, table.Ratings],
           stats: dict[str, np.ndarray]) -> np.ndarray:
    """(B, 2): from the files, less all reviews of every split, and the train reviews that each row may know."""
    kept, about = profiles.sides[sample.side], profiles.about
    counted = stats.get("review_count") if about.history == "all" else None
    means = stats.get("average_stars" if sample.side == "user" else "stars")
    out = np.zeros((len(sample.codes), 2))
    for i, code in enumerate(sample.codes.tolist()):
        if code < 0:
            continue
        beyond = beyond_rated = beyond_sum = 0.0
        if counted is not None and np.isfinite(counted[code]):
            seen = [rows.ratings[(rows.users if sample.side == "user" else rows.items) == code]
                    for rows in splits.values()]
            beyond = max(float(counted[code]) - sum(map(len, seen)), 0.0)
            if beyond and kept.table.unseen[1, code] > 0:  # the rounding of the mean was found small enough
                beyond_rated, all_seen = beyond, sum(float(r.sum(dtype=np.float64)) for r in seen)
                rest = float(counted[code]) * float(means[code]) - all_seen
                beyond_sum = min(max(rest / beyond, about.low), about.high) * beyond
        values = (np.log1p(beyond + sample.counts[i]) if beyond + sample.counts[i] else np.nan,
                  kept.prior(beyond_rated + sample.counts[i], beyond_sum + sample.ratings[i]))
        out[i] = kept.scaling(np.array([values]))[0]
    return out


def main(size: str) -> None:
    """The command."""
    print(f"{check_leaks(size)} rows compared, no leak")


if __name__ == "__main__":
    run(main, "SIZE")
