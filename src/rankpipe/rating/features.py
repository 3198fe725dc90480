"""Fits the text encoder, scores aspects and adds up the profiles of users and items, on the train split alone.

Ratings and texts of valid and test are not features of anything. Only their number and sum per user and item are asked
for, to take them out of what the raw files' counts and means hold.

A killed stage starts over; its folder appears only when all of it is whole and the audit found no leak.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from scipy.sparse import csr_matrix, hstack

from rankpipe import params, paths, progress
from rankpipe.errors import InputError
from rankpipe.io.arrays import ArraysWriter
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded
from rankpipe.rating import table
from rankpipe.rating.aspects import Aspects, AspectScorer, scorer
from rankpipe.rating.audit import check_leaks
from rankpipe.rating.fields import Fields, encode
from rankpipe.rating.history import Past
from rankpipe.rating.profiles import ABOUT, BLOCKS, REVIEWS, SIDES, TABLES, About
from rankpipe.rating.reviews import SCALE, ReviewsWriter
from rankpipe.rating.sides import Own, SideProfiles, SideTable
from rankpipe.rating.stats import LOGGED, Moments, Prior, Scaling, Stats, Unseen
from rankpipe.rating.text import Text, TextEncoder

MEANS = {"user": "average_stars", "item": "stars"}
_ROWS = 1 << 16


@dataclass(frozen=True)
class Features:
    """The block ``rating.features`` of params.yaml."""

    history: str = bounded("all", choices=("all", "past"))
    """all: every train review but a row's own. past: strictly earlier ones; vocabulary, scaling and cold row are of all
    of train."""
    text: Text | None = field(default_factory=Text)
    """None leaves the block out."""
    aspects: Aspects | None = field(default_factory=Aspects)
    """None leaves the block out."""
    stats: Stats = field(default_factory=Stats)
    fields: Fields = field(default_factory=Fields)


def features(size: str) -> None:
    """Writes ``build/<size>/rating/features``, which :class:`rankpipe.rating.profiles.Profiles` reads.

    Raises:
        InputError: a missing or damaged table, an empty train split, ``history: past`` without timestamps, or a
            classifier that can't be loaded.
    """
    settings = params.block(Features, params.get(params.load(), f"{table.TRACK}.features"),
                            f"params.yaml: {table.TRACK}.features")
    build(size, settings, paths.features(size, table.TRACK))


def build(size: str, settings: Features, folder: Path) -> None:
    """:func:`features` with its settings and its place named."""
    about, train = table.about(size), table.read(size, "train")
    if not len(train):
        raise InputError(f"{paths.split(size, table.TRACK, 'train')}: no rows; give the train split more in extract")
    if settings.history == "past" and train.times is None:
        raise InputError("params.yaml: rating.features.history: past needs timestamps, which rating.source doesn't "
                         "name; name their column, or set all")
    encoder = _encoder(size, settings, train) if about.text else None
    judge = scorer(settings.aspects) if about.text and settings.aspects is not None else None
    if about.text and settings.text is not None and encoder is None:
        raise InputError("params.yaml: rating.features.text.min_count: no term is in as many as "
                         f"{settings.text.min_count} train reviews; lower it, or set rating.features.text to null")
    prior = Prior(settings.stats.prior, float(train.ratings.mean(dtype=np.float64)))
    sides = {"user": (table.users(size), train.users), "item": (table.items(size), train.items)}
    with atomic_folder(folder) as partial:
        sums, digests = _review_vectors(size, partial, encoder, judge, train)
        columns = {f"{side}_{block}": names for side in SIDES
                   for block, names in (("text", () if encoder is None else encoder.columns),
                                        ("aspects", () if judge is None else judge.columns))}
        with ArraysWriter(partial / TABLES) as file:
            scaling = {}
            for side, (known, codes) in sides.items():
                made, names = _side(size, side, known, codes, train, sums[side], settings)
                columns.update({f"{side}_{block}": tuple(found) for block, found in names.items()})
                fitted = _scaling(made, codes, train, settings.history, prior)
                scaling[side] = (tuple(fitted.mean.tolist()), tuple(fitted.deviation.tolist()))
                made.save(file, side)
                file.words(f"{side}/names", known.names)
            for name in ("users", "items", "ratings", "times"):
                if getattr(train, name) is not None:
                    file.put(f"train/{name}", getattr(train, name))
        wanted = [f"{side}_{block}" for side in SIDES for block in BLOCKS]
        missing = [f"user_stats:{name}" for name in LOGGED if name not in columns["user_stats"]]
        missing += [block for block in wanted if not columns[block] and not block.endswith("fields")]
        write_json(partial / ABOUT, asdict(About(
            settings.history, about.low, about.high, prior.mean, prior.weight,
            {block: columns[block] for block in wanted if columns[block]}, scaling, digests,
            {} if encoder is None else {"reviews": encoder.reviews, "terms": encoder.found},
            {} if judge is None else judge.describe(), tuple(missing))))
        check_leaks(size, partial, judge)


def _encoder(size: str, settings: Features, train: table.Ratings) -> TextEncoder | None:
    if settings.text is None:
        return None

    blocks = ((texts, train.ratings[rows]) for rows, texts in _texts(size, len(train), "vocabulary"))
    return TextEncoder.fit(blocks, settings.text)


def _texts(size: str, rows: int, name: str) -> Iterator[tuple[slice, list[str]]]:
    """The train reviews' texts, and which rows they belong to."""
    start = 0
    with progress.bar(rows, f"{name} {size}") as bar:
        for texts in table.texts(size, "train"):
            yield slice(start, start + len(texts)), texts
            start += len(texts)
            bar.update(len(texts))
    if start != rows:
        raise InputError(f"{table.text_path(paths.table(size, table.TRACK), 'train')}: has {start} texts, the split "
                         f"{rows} rows; run convert again")


def vectors(texts: list[str], encoder: TextEncoder | None, judge: AspectScorer | None) -> csr_matrix:
    """(n, W) float64 in [0, 1]: TF-IDF, then aspects, of those that there are."""
    return csr_matrix(hstack([made(texts) for made in (encoder, judge) if made is not None], "csr"))


def _review_vectors(size: str, folder: Path, encoder: TextEncoder | None, judge: AspectScorer | None,
                    train: table.Ratings) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """Writes the reviews' vectors; returns side → (m, W) sums, and the files' hashes. Without text W is 0."""
    width = sum(len(made.columns) for made in (encoder, judge) if made is not None)
    codes = {"user": train.users, "item": train.items}
    # Nobody has so many reviews that a sum of theirs leaves 32 bits, but in a very large table somebody might.
    kind = {side: np.int32 if np.bincount(c).max() * SCALE < 2**31 else np.int64 for side, c in codes.items()}
    sums = {side: np.zeros((int(c.max()) + 1, width), kind[side]) for side, c in codes.items()}
    if not width:
        return sums, {}
    (folder / REVIEWS).mkdir()
    with ReviewsWriter(folder / REVIEWS) as writer:
        for block, texts in _texts(size, len(train), "review vectors"):
            rows, places, values = writer.append(vectors(texts, encoder, judge))
            for side, summed in sums.items():
                np.add.at(summed, (codes[side][block][rows], places), values.astype(kind[side]))
    return sums, writer.digests()


def _side(size: str, side: str, known: table.Side, codes: np.ndarray, train: table.Ratings, sums: np.ndarray,
          settings: Features) -> tuple[SideTable, dict[str, list[str]]]:
    """The side's table, and the names of its columns of stats and of fields."""
    m, past = len(known), settings.history == "past"
    counts = np.bincount(codes, minlength=m)
    ratings = np.bincount(codes, train.ratings.astype(np.float64), m)
    # What the files tell is of today: of the past it would know the future.
    stats = {} if past else known.stats
    unseen = Unseen.none(m)
    if "review_count" in stats:
        seen, seen_ratings = counts.astype(np.float64), ratings.copy()
        for split in ("valid", "test"):
            rows = table.read(size, split)
            mine = rows.users if side == "user" else rows.items
            warm = mine >= 0
            seen += np.bincount(mine[warm], minlength=m)
            seen_ratings += np.bincount(mine[warm], rows.ratings[warm].astype(np.float64), m)
        about = table.about(size)
        rounding = settings.stats.user_rounding if side == "user" else settings.stats.item_rounding
        unseen = Unseen.left(stats["review_count"], stats.get(MEANS[side]), seen, seen_ratings, rounding,
                             settings.stats.tolerance, about.low, about.high)
    logged = [name for name in LOGGED if name in stats]
    raw = np.stack([np.log1p(np.maximum(stats[name].astype(np.float64), 0)) for name in logged], 1) if logged else \
        np.zeros((m, 0))
    moments = Moments(len(logged))
    moments.add(raw)
    names, words = encode(known, settings.fields)
    total = sums.sum(0, dtype=np.int64)
    wide = np.int64 if total.max(initial=0) >= 2**31 else sums.dtype
    made = SideTable(np.append(counts, counts.sum()), np.append(ratings, ratings.sum()),
                     np.concatenate([sums.astype(wide), total[None].astype(wide)]),
                     np.stack([unseen.count, unseen.rated, unseen.ratings]), moments.scaling()(raw), words)
    return made, {"stats": ["review_count", MEANS[side], *logged], "fields": names}


def _scaling(made: SideTable, codes: np.ndarray, train: table.Ratings, history: str, prior: Prior) -> Scaling:
    """Of ln(1 + reviews) and the mean rating, as the train rows see them: without their own review."""
    past = Past(codes, train.times, train.ratings, len(made)) if history == "past" else None
    without = SideTable(made.counts, made.ratings, made.sums[:, :0], made.unseen, made.static, made.fields)
    profiles, moments = SideProfiles(without, prior, past=past), Moments(2)
    for start in range(0, len(codes), _ROWS):
        rows = np.arange(start, min(start + _ROWS, len(codes)))
        own = Own(rows, train.ratings[rows].astype(np.float64), np.zeros((len(rows), 0), np.int64))
        times = None if train.times is None else train.times[rows]
        moments.add(profiles.stats(profiles.known(codes[rows], own, times, None)))
    return moments.scaling()
