"""Rates given pairs, and lists for users the items that they would rate highest, with spread and intervals."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.csv

from rankpipe import params, paths, progress
from rankpipe.choice import chosen
from rankpipe.data.origin import Origin
from rankpipe.data.typed import ids
from rankpipe.errors import InputError
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import write_json
from rankpipe.params import bounded
from rankpipe.rating import table
from rankpipe.rating.ensemble import load
from rankpipe.rating.profiles import Profiles
from rankpipe.rating.scores import ensemble_folder
from rankpipe.rating.serving import ANSWERS, Rated, Rater, needed
from rankpipe.rating.source import Source, open_raw, source
from rankpipe.rating.table import TRACK
from rankpipe.training.determinism import deterministic
from rankpipe.training.devices import resolve
from rankpipe.training.settings import machine

BY, BETTER = "rmse", "lower"
"""How ``best`` is chosen, on valid."""
PAIRS, TOP, SUMMARY = "pairs.csv", "top.csv", "prediction.json"
DIGITS = 4


@dataclass(frozen=True)
class Predict:
    """The block ``rating.predict`` of params.yaml."""

    model: str = "best"
    """A model id, ``ensemble``, or ``best``: the least RMSE on valid."""
    users: Literal["all"] | tuple[str, ...] | None = "all"
    """Whose best items are listed: all users of train, some ids, or nobody's."""
    top: int = bounded(10, low=1)
    batch_rows: int = bounded(8192, low=1)
    """Pairs rated at once; memory grows with it."""


def predict(size: str) -> None:
    """Writes ``build/<size>/rating/predictions``: ``pairs.csv`` of the pairs that ``rating.source.pairs`` names,
    ``top.csv`` of the users' best items (without those that they have rated), and ``prediction.json``.

    A user or item that train doesn't hold is rated by the mean profile of train.

    Raises:
        InputError: a missing or damaged file, a column that isn't there, an id that is missing.
    """
    values = params.load()
    settings = params.block(Predict, params.get(values, f"{TRACK}.predict"), f"params.yaml: {TRACK}.predict")
    raw, host = source(values), machine(values)
    if raw.pairs is None and settings.users is None:
        raise InputError(f"params.yaml: {TRACK}.source.pairs and {TRACK}.predict.users are both null, so there is "
                         "nothing to predict; name a file of pairs, or users")
    deterministic(host.threads)
    model = chosen(TRACK, size, settings.model, BY, BETTER)
    profiles, ensemble = Profiles.load(paths.features(size, TRACK)), load(ensemble_folder(size))
    folders = {m: paths.model(size, TRACK, m) for m in needed(ensemble, model)}
    rater = Rater(profiles, ensemble, model, folders, settings.batch_rows, resolve(host.device))
    summary: dict[str, Any] = {"model": model, "level": ensemble.level}
    with atomic_folder(paths.predictions(size, TRACK)) as folder:
        if raw.pairs is not None:
            summary |= rate_pairs(folder / PAIRS, rater, raw, settings.batch_rows, f"predict {size} {model}")
        if settings.users is not None:
            summary |= list_best(folder / TOP, rater, raw, size, settings)
        write_json(folder / SUMMARY, summary)


def rate_pairs(path: Path, rater: Rater, raw: Source, batch_rows: int, title: str) -> dict[str, Any]:
    """One line a pair, in the file's order: user, item, rating, spread, low, high."""
    columns = [raw.reviews.user, raw.reviews.item]
    pairs = open_raw(str(raw.pairs), raw.reviews.separator)
    pairs.require(columns, f"params.yaml: {TRACK}.source.pairs")
    codes = [{name: i for i, name in enumerate(rater.profiles.names(side))} for side in ("user", "item")]
    count, cold, total = 0, np.zeros(2, np.int64), 0.0
    with progress.bar(None, title, "pair") as bar, writer(path, columns) as write:
        for first, block in pairs.spans(columns, batch_rows):
            origin = Origin(str(pairs.path), np.arange(first, first + len(block)))
            names = [ids(block.column(c), c, origin) for c in columns]
            users, items = (codes_of(n, known) for n, known in zip(names, codes, strict=True))
            rated = rater.rate(users, items)
            write(names, rated)
            count, cold = count + len(block), cold + np.array([(users < 0).sum(), (items < 0).sum()])
            total += float(rated.rating.sum(dtype=np.float64))
            bar.update(len(block))
    return {"pairs": count, "pairs_of_new_users": int(cold[0]), "pairs_of_new_items": int(cold[1]),
            "mean": round(total / count, 6) if count else None}


def list_best(path: Path, rater: Rater, raw: Source, size: str, settings: Predict) -> dict[str, Any]:
    """``top`` lines a user, best first: user, item, rating, spread, low, high."""
    names, items = (rater.profiles.names(side) for side in ("user", "item"))
    if settings.users == "all":
        users = np.arange(len(names))
    else:
        known = {name: i for i, name in enumerate(names)}
        users = np.array([known.get(name, -1) for name in settings.users or ()], np.int64)
    wanted = names if settings.users == "all" else list(settings.users or ())
    words = pa.array(items, pa.string())
    with progress.bar(len(users), f"top {settings.top} {size}", "user") as bar, \
            writer(path, [raw.reviews.user, raw.reviews.item]) as write:
        for name, (best, rated) in zip(wanted, rater.best(users, settings.top, rated_before(size, users)),
                                       strict=True):
            write([pa.array([name] * len(best), pa.string()), words.take(pa.array(best))], rated)
            bar.update(1)
    return {"users": len(users), "new_users": int((users < 0).sum()), "top": settings.top}


def codes_of(names: pa.Array, known: dict[str, int]) -> np.ndarray:
    """(n,) int64 codes, −1 for a name that isn't known."""
    return np.array([known.get(name, -1) for name in names.to_pylist()], np.int64)


def rated_before(size: str, users: np.ndarray) -> list[np.ndarray]:
    """For each of ``users`` the codes of the items that they have rated, whichever split holds the rating."""
    splits = [table.read(size, split) for split in table.SPLITS]
    rated_by, rated = (np.concatenate([getattr(s, side) for s in splits]) for side in ("users", "items"))
    order = np.argsort(rated_by, kind="stable")
    rated_by, rated = rated_by[order], rated[order]
    starts, ends = (np.searchsorted(rated_by, users, side) for side in ("left", "right"))
    return [rated[a:b] if user >= 0 else rated[:0] for user, a, b in zip(users, starts, ends, strict=True)]


@contextmanager
def writer(path: Path, columns: list[str]) -> Iterator[Any]:
    """Gives a function that appends (names of users and of items, their ratings) to the CSV file."""
    schema = pa.schema([*((c, pa.string()) for c in columns), *((a, pa.float64()) for a in ANSWERS)])
    with pyarrow.csv.CSVWriter(path, schema) as file:
        def write(names: list[pa.Array], rated: Rated) -> None:
            values = [np.round(getattr(rated, a).astype(np.float64), DIGITS) for a in ANSWERS]
            file.write_batch(pa.record_batch([*(n.cast(pa.string()) for n in names), *map(pa.array, values)],
                                             schema=schema))

        yield write
