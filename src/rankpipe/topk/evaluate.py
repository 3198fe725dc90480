"""Judges all models of one size by the same hidden rows: metrics, leaderboard, paired tests, agreement, slices."""

import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from rankpipe import leaderboard, params, paths, progress
from rankpipe.cells import known, leftovers, named, read_curve
from rankpipe.errors import InputError, nearest
from rankpipe.io.tracked import restore
from rankpipe.judgement import Judgement, Rules, judge
from rankpipe.metrics.bootstrap import Resamples
from rankpipe.params import bounded
from rankpipe.topk import report
from rankpipe.topk.dataset import Dataset, read
from rankpipe.topk.features import SIDES, about
from rankpipe.topk.judging import OF_ALL, TASK, Agreement, Lists, agreement, per_user
from rankpipe.topk.lists import lists
from rankpipe.topk.models import MODELS
from rankpipe.topk.slices import Slices, judged, slices

TRACK = "topk"


@dataclass(frozen=True)
class Evaluate:
    """The block ``topk.evaluate`` of params.yaml."""

    order: str = "recall_at_10"
    """The metric that ranks the models: any that is a mean over users."""
    cutoffs: tuple[int, ...] = bounded((20, 50), low=1)
    """Cutoffs at which recall and nDCG are measured beside 10, the task's."""
    resamples: int = bounded(1000, low=20)
    """Of users."""
    level: float = bounded(0.95, low=0.5, below=1)
    """Of all intervals; 1 − level is the error rate of the verdicts."""
    baselines: tuple[str, ...] = ("pop", "itemknn", "ease", "als")
    """The models that the others must answer to; those that aren't trained are passed over."""
    slices: Slices = field(default_factory=Slices)

    def __post_init__(self) -> None:
        if len(set(self.cutoffs)) < len(self.cutoffs) or TASK in self.cutoffs:
            raise ValueError(f"cutoffs must differ from each other and from {TASK}, which is there anyway")
        if self.order not in per_user(self.cutoffs):
            raise ValueError(f"order: no metric '{self.order}'; {nearest(self.order, per_user(self.cutoffs))}")


def evaluate(size: str) -> None:
    """Reads the lists of every model in ``topk.models`` and writes ``metrics/``, ``plots/`` and the leaderboard folder.

    Raises:
        InputError: lists are missing, damaged, of other users, too short, or hold an item that was seen.
    """
    values = params.load()
    settings = params.block(Evaluate, params.get(values, "topk.evaluate"), "params.yaml: topk.evaluate")
    models = named(values, TRACK, MODELS)
    known(list(settings.baselines), MODELS, "topk.evaluate.baselines")
    length = params.get(values, "topk.lists")
    if not isinstance(length, int) or length < max(TASK, *settings.cutoffs):
        raise InputError(f"params.yaml: topk.lists: {length!r} items, and topk.evaluate.cutoffs asks for "
                         f"{max(TASK, *settings.cutoffs)}; raise the one or lower the other")
    restore(paths.model_scores(size, TRACK, model) for model in models)
    data = read(size)
    users = {split: np.unique(data.hidden(split).users) for split in ("valid", "test")}
    found = {split: _lists(size, models, split, data, users[split], length, settings.cutoffs)
             for split in ("valid", "test")}
    curves = {model: read_curve(TRACK, size, model) for model in models}
    for name in leftovers(TRACK, size, models):
        print(f"warning: {paths.model_scores(size, TRACK, name)} is left over from a model that params.yaml no longer "
              "names; it is not judged", file=sys.stderr)

    seed = params.seed(values)
    judgement = _judged(settings, found["valid"], found["test"], seed, f"evaluate {size}")
    parts = slices(settings.slices, data, words(size))
    ranked = {row.model: found["test"][row.model].shown for row in judgement.rows}
    with progress.bar(settings.slices.resamples, f"slices {size}", "resample") as bar:
        of_slices = judged(settings.slices, parts, data, ranked,
                           Resamples(len(users["test"]), settings.slices.resamples, seed), settings.level, bar.update)
    sides = [{row.model: found[split][row.model] for row in judgement.rows} for split in ("valid", "test")]
    alike = agreement(*sides, (users["valid"], users["test"]), settings.order, data.n_users,
                      settings.resamples, seed, settings.level)
    board = report.write(report.Report(
        size, settings.order, settings.level, judgement, found["test"], data, of_slices, settings.slices.popularity,
        alike, curves, heading(data, users["test"], settings), notes(settings, judgement, alike)))
    print(leaderboard.render(board))
    print("\nPlots to open:\n  " + "\n  ".join(board.plots))


def words(size: str) -> dict[str, list[str]]:
    """Field → its values as text, of numbers the ranges of the buckets."""
    return {of.name: list(of.words) if of.words is not None else ranges(of.edges or ())
            for side in SIDES for of in about(size, side)}


def ranges(edges: Sequence[float]) -> list[str]:
    """``< 1990``, ``1990–1995``, ``≥ 1995``: bucket b holds edges[b − 1] ≤ x < edges[b]."""
    if not edges:
        return ["any"]
    return [f"< {edges[0]:g}", *(f"{a:g} to < {b:g}" for a, b in itertools.pairwise(edges)),
            f"≥ {edges[-1]:g}"]


def _lists(size: str, models: list[str], split: str, data: Dataset, users: np.ndarray,
           length: int, cutoffs: tuple[int, ...]) -> dict[str, Lists]:
    hidden, seen, popularity = data.hidden(split), data.seen(split)[users], data.train.popularity()
    offsets = np.concatenate([[0], np.cumsum(np.diff(hidden.offsets)[users])])
    return {model: Lists(lists(size, model, split, users, seen, length), offsets, hidden.items, popularity, cutoffs)
            for model in models}


def _judged(settings: Evaluate, valid: dict[str, Lists], test: dict[str, Lists], seed: int, title: str) -> Judgement:
    names = next(iter(test.values())).names
    rules = Rules(settings.order, {name: name != "gini" for name in names}, settings.level, settings.baselines,
                  centred=OF_ALL)
    users = len(next(iter(test.values())).found)
    with progress.bar(settings.resamples, title, "resample") as bar:
        return judge({m: of.estimate() for m, of in valid.items()}, test, rules,
                     Resamples(users, settings.resamples, seed), bar.update)


def heading(data: Dataset, users: np.ndarray, settings: Evaluate) -> str:
    """What was judged and how intervals were made, in one line."""
    return (f"{len(data.test):,} hidden rows of {len(users):,} users, {data.n_items:,} items; "
            f"{100 * settings.level:g}% intervals, {settings.resamples:,} resamples of users")


def notes(settings: Evaluate, judgement: Judgement, alike: Agreement) -> tuple[str, ...]:
    """The lines under the table."""
    compared = sum(row.gap is not None for row in judgement.rows)
    return (f"Δ: against {judgement.baseline}, the best baseline (°) on valid: ▲ better, ▼ worse, · undecided",
            f"   (differences on the same resamples, Holm over {compared}, {100 - 100 * settings.level:g}%)",
            "recall@10: hits / min(10, hidden), the task's; of all: hits / hidden; novelty in bits",
            f"valid against test, {len(alike.models)} models: Spearman {report.correlation(alike.spearman)}, "
            f"Kendall {report.correlation(alike.kendall)}")
