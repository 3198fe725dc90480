"""Judges all models of one size by the same graded slates: metrics, leaderboard, paired tests, control, modalities."""

import sys
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from rankpipe import leaderboard, params, paths, progress
from rankpipe.cells import known, leftovers, named, read_curve
from rankpipe.errors import InputError, nearest
from rankpipe.fusion import report
from rankpipe.fusion.contact import Contact, sheet
from rankpipe.fusion.dataset import GRADES, TRACK, Dataset, read
from rankpipe.fusion.judging import HIGHER, NAMES, RANDOM, STARTING, Asked, from_chance
from rankpipe.fusion.modalities import Parts, parts
from rankpipe.fusion.models import MODELS
from rankpipe.fusion.scores import ablation, scores, shuffles
from rankpipe.fusion.source import source
from rankpipe.fusion.words import heading, notes
from rankpipe.io.json import read_json
from rankpipe.io.tracked import restore
from rankpipe.judgement import Judgement, Rules, judge
from rankpipe.metrics.bootstrap import Means, Resamples
from rankpipe.params import bounded

RECALL = "recall.json"
CONTROL = "control"
"""The model that shuffles labels unless told otherwise."""


@dataclass(frozen=True)
class Evaluate:
    """The block ``fusion.evaluate`` of params.yaml."""

    order: str = "ndcg_at_10"
    """The metric that ranks the models."""
    relevant: int = bounded(2, low=1, high=GRADES - 1)
    """The grade from which MRR and MAP count a candidate."""
    resamples: int = bounded(1000, low=20)
    """Of queries."""
    level: float = bounded(0.95, low=0.5, below=1)
    """Of all intervals; 1 − level is the error rate of the verdicts."""
    baselines: tuple[str, ...] = (STARTING, "popularity", "bm25", "clip_zero_shot", "lambdamart")
    """What the others must answer to; those that aren't trained are passed over."""
    contact: Contact = field(default_factory=Contact)

    def __post_init__(self) -> None:
        if self.order not in NAMES:
            raise ValueError(f"order: no metric '{self.order}'; {nearest(self.order, NAMES)}")


@dataclass(frozen=True)
class Found:
    """What one size's models did."""

    data: Dataset
    models: list[str]
    controls: list[str]
    """Those of ``models`` that were trained on shuffled grades."""
    valid: Asked
    test: Asked
    on_valid: dict[str, np.ndarray]
    """Model → (m,) scores of valid's rows."""
    on_test: dict[str, np.ndarray]


def evaluate(size: str) -> None:
    """Reads the scores of every model in ``fusion.models`` and writes ``metrics/``, ``plots/`` and the leaderboard.

    Raises:
        InputError: scores are missing, damaged, NaN, or of other slates than the split's; a damaged image.
    """
    values = params.load()
    settings = params.block(Evaluate, params.get(values, "fusion.evaluate"), "params.yaml: fusion.evaluate")
    known(list(settings.baselines), [STARTING, *MODELS], "fusion.evaluate.baselines")
    found, seed = _found(size, values, settings), params.seed(values)
    resamples = Resamples(len(found.test.slates), settings.resamples, seed)
    statistics = _statistics(found.test, found.on_test, seed)
    runs = {model: [statistics[model], *(found.test.measured(x) for x in shuffles(size, model, found.data))]
            for model in found.controls}
    statistics |= {model: Means(NAMES, np.mean([of.values for of in each], axis=0)) for model, each in runs.items()}
    with progress.bar(settings.resamples, f"evaluate {size}", "resample") as bar:
        judgement = _judged(settings, found, statistics, resamples, seed, bar.update)
    chance = {model: from_chance(each, statistics[RANDOM], settings.order, resamples, settings.level)
              for model, each in runs.items()}
    worth = _worth(size, found, settings, resamples)
    best = _best_on_valid(judgement, settings.order, found)
    pictured = any(image is not None for image in found.data.candidates.images)
    queries = sheet(settings.contact, found.data, found.test, source(values),
                    {STARTING: -found.test.slates.starts, best: found.on_test[best]}) if pictured else []
    board = report.write(report.Report(
        size, settings.order, settings.level, judgement, len(found.test.slates),
        {model: read_curve(TRACK, size, model) for model in found.models}, worth, chance, queries,
        heading(found.test, settings.level, settings.resamples),
        notes(judgement, settings.level, settings.relevant, found.test, found.data, chance, _recall(size))))
    print(leaderboard.render(board))
    print("\nPlots to open:\n  " + "\n  ".join(board.plots))


def _found(size: str, values: dict[str, Any], settings: Evaluate) -> Found:
    models = named(values, TRACK, MODELS)
    restore(paths.model_scores(size, TRACK, model) for model in models)
    data = read(size)
    for name in leftovers(TRACK, size, models):
        print(f"warning: {paths.model_scores(size, TRACK, name)} is left over from a model that params.yaml no longer "
              "names; it is not judged", file=sys.stderr)
    blocks = values[TRACK]["models"]
    controls = [model for model in models if (blocks[model] or {}).get("shuffle_labels", model == CONTROL)]
    if len(controls) == len(models):
        raise InputError("params.yaml: fusion.models: every model trains on shuffled labels; add one that doesn't")
    return Found(data, models, controls, *(Asked.of(data, split, settings.relevant) for split in ("valid", "test")),
                 *({model: scores(size, model, split, data) for model in models} for split in ("valid", "test")))


def _statistics(asked: Asked, of: dict[str, np.ndarray], seed: int) -> dict[str, Means]:
    return {**{model: asked.measured(values) for model, values in of.items()}, STARTING: asked.starting(),
            RANDOM: asked.random(seed)}


def _judged(settings: Evaluate, found: Found, statistics: dict[str, Means], resamples: Resamples, seed: int,
            done: Any) -> Judgement:
    on_valid = {m: of.estimate() for m, of in _statistics(found.valid, found.on_valid, seed).items()}
    # The starting order is there without training; whoever doesn't want it as a baseline still sees it.
    constants = (RANDOM, *found.controls, *(() if STARTING in settings.baselines else (STARTING,)))
    rules = Rules(settings.order, HIGHER, settings.level, settings.baselines)
    return judge(on_valid, statistics, rules, resamples, done, constants)


def _best_on_valid(judgement: Judgement, order: str, found: Found) -> str:
    rows = [row for row in judgement.rows if row.model in found.on_test and row.model not in found.controls]
    return max(rows, key=lambda row: (1 if HIGHER[order] else -1) * row.valid[order]).model


def _recall(size: str) -> dict[str, float]:
    """What retrieve measured, by name; nothing where the data are features alone."""
    path = paths.build(size, TRACK) / "retrieved" / RECALL
    return read_json(path) if path.is_file() else {}


def _worth(size: str, found: Found, settings: Evaluate, resamples: Resamples) -> dict[str, Parts]:
    worth = {}
    for model in found.models:
        ablated = None if model in found.controls else ablation(size, model, found.data)
        if ablated is not None:
            worth[model] = parts(found.test, found.on_test[model], ablated, settings.order, resamples, settings.level)
    return worth
