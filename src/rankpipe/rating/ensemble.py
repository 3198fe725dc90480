"""Combines the trained models: non-negative weights learned on valid, the spread of members, calibrated intervals.

The ensemble's rating is ȳ + Σ_m w_m (r̂_m − mean r̂_m), the means those of valid, with w ≥ 0 the least of
Σ (error)² + λ Σ_m (w_m − 1/M)² (stacked regressions, Breiman 1996). On valid itself every row is rated by weights that
were learned on the other folds, so that the figure on valid, by which models are chosen, is as honest as on test.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy.linalg import cholesky, solve_triangular
from scipy.optimize import nnls

from rankpipe import params
from rankpipe.cells import named
from rankpipe.errors import InputError, nearest
from rankpipe.io.atomic import atomic_folder
from rankpipe.io.json import read_json, write_json
from rankpipe.params import bounded
from rankpipe.rating import table
from rankpipe.rating.conformal import Conformal, calibrate
from rankpipe.rating.models import MODELS
from rankpipe.rating.scores import ENSEMBLE, Scores, ensemble_folder, scores
from rankpipe.rating.table import TRACK

FILE = "ensemble.json"
FORMAT = 1
SCORES = pa.schema([("row", pa.int64()), ("label", pa.float32()), ("rating", pa.float32()), ("spread", pa.float32())])


@dataclass(frozen=True)
class Settings:
    """The block ``rating.ensemble`` of params.yaml."""

    members: tuple[str, ...] | None = None
    """Model ids; null takes all of rating.models. Those that rate everybody alike are passed over."""
    l2: float = bounded(10.0, above=0)
    """λ, in rows: how strongly the weights are drawn to equal ones."""
    folds: int = bounded(5, low=2)
    level: float = bounded(0.9, above=0, below=1)
    """Of the intervals that predictions carry."""


@dataclass(frozen=True)
class Ensemble:
    """What is learned on valid."""

    weights: dict[str, float]
    """Member → w ≥ 0, of members with w > 0; of all of them where each is 0."""
    centres: dict[str, float]
    """Member → its mean rating on valid."""
    mean: float
    """Of the ratings given on valid."""
    low: float
    high: float
    intervals: dict[str, Conformal]
    """Model, the ensemble among them → its intervals; see :mod:`rankpipe.rating.conformal`."""
    level: float
    """Of the intervals that predictions carry."""

    def ratings(self, members: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        """Member → (N,) ratings; gives the (N,) combined rating and the (N,) spread of the members around their mean.

        The spread is the standard deviation of the members' ratings under the weights: small where models of different
        kinds agree.
        """
        names = list(self.weights)
        weights = np.array([self.weights[m] for m in names])
        stacked = np.stack([members[m] for m in names]).astype(np.float64)
        centred = stacked - np.array([self.centres[m] for m in names])[:, None]
        rating = np.clip(self.mean + weights @ centred, self.low, self.high)
        share = weights / weights.sum() if weights.sum() else np.full(len(weights), 1 / len(weights))
        middle = share @ stacked
        return rating, np.sqrt(np.maximum(share @ np.square(stacked - middle), 0))


def ensemble(size: str) -> None:
    """Writes ``build/<size>/rating/ensemble``: ``ensemble.json``, and ratings with spread of valid and test.

    Raises:
        InputError: scores are missing, damaged, or not of the same rows.
    """
    values = params.load()
    settings = params.block(Settings, params.get(values, f"{TRACK}.ensemble"), f"params.yaml: {TRACK}.ensemble")
    models = named(values, TRACK, MODELS)
    for member in settings.members or ():
        if member not in models:
            raise InputError(f"params.yaml: {TRACK}.ensemble.members: no '{member}' in {TRACK}.models; "
                             f"{nearest(member, models)}")
    about = table.about(size)
    valid, test = scores(size, models, "valid"), scores(size, models, "test")
    members = [m for m in models if (settings.members is None or m in settings.members) and np.ptp(valid.ratings[m])]
    if not members:
        raise InputError(f"params.yaml: {TRACK}.ensemble.members: none that tells one pair from another; name a model, "
                         "or set null for all")
    found, crossed = combine(valid, members, settings, params.seed(values), about.low, about.high)
    with atomic_folder(ensemble_folder(size)) as folder:
        spread = found.ratings(valid.ratings)[1]
        _write(folder / "valid.parquet", valid, crossed, spread)
        _write(folder / "test.parquet", test, *found.ratings(test.ratings))
        save(found, folder)
    print(f"{ENSEMBLE}: " + ", ".join(f"{m} {w:.3f}" for m, w in sorted(found.weights.items())))


def combine(valid: Scores, members: list[str], settings: Settings, seed: int, low: float,
            high: float) -> tuple[Ensemble, np.ndarray]:
    """The ensemble learned on all of ``valid``, and (N,) ratings of valid by weights of the other folds."""
    x, y = np.stack([valid.ratings[m] for m in members], 1), valid.labels
    if len(y) < 2 * settings.folds:
        raise InputError(f"{len(y)} rows of valid are too few for {settings.folds} folds; give the valid split more "
                         "in rating.extract, or lower rating.ensemble.folds")
    fold = np.random.default_rng(seed).permutation(len(y)) % settings.folds
    crossed = np.empty(len(y))
    for k in range(settings.folds):
        mine = fold == k
        part = _learned(members, x[~mine], y[~mine], settings, low, high)
        crossed[mine] = part.ratings(dict(zip(members, x[mine].T, strict=True)))[0]
    found = _learned(members, x, y, settings, low, high)
    spread = found.ratings(valid.ratings)[1]
    for model, rated in {**valid.ratings, ENSEMBLE: crossed}.items():
        found.intervals[model] = calibrate(y, rated, spread, settings.level, low, high)
    return found, crossed


def _learned(members: list[str], x: np.ndarray, y: np.ndarray, settings: Settings, low: float,
             high: float) -> Ensemble:
    centres, mean = x.mean(0), float(y.mean())
    weights = learn_weights(x - centres, y - mean, settings.l2)
    kept = [i for i in range(len(members)) if weights[i] > 0] or list(range(len(members)))
    return Ensemble({members[i]: float(weights[i]) for i in kept}, {members[i]: float(centres[i]) for i in kept}, mean,
                    low, high, {}, settings.level)


def learn_weights(x: np.ndarray, y: np.ndarray, l2: float) -> np.ndarray:
    """(M,) w ≥ 0 of the least ‖y − x w‖² + l2·‖w − 1/M‖², for centred x (N, M) and y (N,)."""
    count = x.shape[1]
    # einsum, not BLAS: its sums don't depend on the number of threads.
    gram = np.einsum("nm,nk->mk", x, x) + l2 * np.eye(count)
    right = np.einsum("nm,n->m", x, y) + l2 / count
    # With gram = RᵀR the sum is ‖R w − R⁻ᵀ right‖² and a constant: M equations instead of N.
    root = cholesky(gram)
    return nnls(root, solve_triangular(root, right, trans="T"))[0]


def _write(path: Path, of: Scores, rating: np.ndarray, spread: np.ndarray) -> None:
    columns = [of.rows, of.labels.astype(np.float32), rating.astype(np.float32), spread.astype(np.float32)]
    pq.write_table(pa.table(columns, schema=SCORES), path)


def save(found: Ensemble, folder: Path) -> None:
    """Writes ``ensemble.json``."""
    write_json(folder / FILE, {
        "format": FORMAT, "weights": found.weights, "centres": found.centres, "mean": found.mean, "low": found.low,
        "high": found.high, "level": found.level, "intervals": {m: c.to_json() for m, c in found.intervals.items()}})


def load(folder: Path) -> Ensemble:
    """Raises InputError where the file is missing or damaged."""
    path = folder / FILE
    values: Any = read_json(path)
    if not isinstance(values, dict) or values.get("format") != FORMAT:
        raise InputError(f"{path}: not an ensemble of format {FORMAT}; run the ensemble stage again")
    try:
        return Ensemble(dict(values["weights"]), dict(values["centres"]), values["mean"], values["low"], values["high"],
                        {m: Conformal.from_json(c, str(path)) for m, c in values["intervals"].items()},
                        values["level"])
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: damaged ({type(error).__name__}: {error}); run the ensemble stage again") from error
