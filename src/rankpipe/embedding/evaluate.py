"""Judges all models of one size on the same graded pairs, run by run: metrics, paired tests, genres, links."""

import sys
from dataclasses import dataclass, field
from typing import Any

from rankpipe import leaderboard, params, paths, progress
from rankpipe.cells import known, leftovers, named
from rankpipe.embedding import report
from rankpipe.embedding.judging import Slices, by_genre, each_run, gains
from rankpipe.embedding.models import MODELS
from rankpipe.embedding.scores import Scores, curves, facts, scores
from rankpipe.embedding.table import TRACK
from rankpipe.embedding.words import heading, notes
from rankpipe.errors import InputError, nearest
from rankpipe.io.tracked import restore
from rankpipe.judgement import Rules, judge
from rankpipe.metrics.bootstrap import Resamples
from rankpipe.metrics.similarity import HIGHER, Cuts, Runs
from rankpipe.params import bounded


@dataclass(frozen=True)
class Evaluate:
    """The block ``embedding.evaluate`` of params.yaml."""

    order: str = "spearman"
    """The metric that ranks the models."""
    resamples: int = bounded(1000, low=20)
    """Of pairs."""
    level: float = bounded(0.95, low=0.5, below=1)
    """Of all intervals; 1 − level is the error rate of the verdicts."""
    baselines: tuple[str, ...] = ("tfidf", "base")
    """The models that the others must answer to; those that aren't there are passed over."""
    cuts: Cuts = field(default_factory=Cuts)
    """From which similarity on, in [0, 1], a pair is called similar, different, or alike."""
    slices: Slices = field(default_factory=Slices)
    bins: int = bounded(40, low=4, high=400)
    """Of the histograms of cosines, from −1 to 1."""

    def __post_init__(self) -> None:
        if self.order not in HIGHER:
            raise ValueError(f"order: no metric '{self.order}'; {nearest(self.order, HIGHER)}")


def evaluate(size: str) -> None:
    """Reads the scores of every model in ``embedding.models``; writes ``metrics/``, ``plots/`` and the leaderboard.

    A model of several seeds is judged by the mean of its runs' metrics.

    Raises:
        InputError: scores are missing, damaged, not finite, or of other pairs than the split's.
    """
    values = params.load()
    settings = params.block(Evaluate, params.get(values, f"{TRACK}.evaluate"), f"params.yaml: {TRACK}.evaluate")
    models = named(values, TRACK, MODELS)
    if not set(known(list(settings.baselines), MODELS, f"{TRACK}.evaluate.baselines")) & set(models):
        raise InputError(f"params.yaml: {TRACK}.evaluate.baselines: none of them is in {TRACK}.models; name "
                         "one that is")
    restore(paths.model_scores(size, TRACK, model) for model in models)
    for name in leftovers(TRACK, size, models):
        print(f"warning: {paths.model_scores(size, TRACK, name)} is left over from a model that params.yaml no longer "
              "names; it is not judged", file=sys.stderr)
    valid, test = (scores(size, models, split) for split in ("valid", "test"))

    seed, cuts = params.seed(values), settings.cuts
    on_valid = {model: of.estimate() for model, of in _statistics(valid, cuts).items()}
    statistics = _statistics(test, cuts)
    rules = Rules(settings.order, HIGHER, settings.level, settings.baselines)
    with progress.bar(settings.resamples, f"evaluate {size}", "resample") as bar:
        judgement = judge(on_valid, statistics, rules, Resamples(len(test), settings.resamples, seed), bar.update)
    ranked = [row.model for row in judgement.rows]
    with progress.bar(settings.slices.resamples, f"genres {size}", "resample") as bar:
        parts = by_genre(settings.slices, test, ranked, cuts, Resamples(len(test), settings.slices.resamples, seed),
                         settings.level, bar.update)
    given = gains(judgement, settings.order, starts(values, models), test, cuts)
    board = report.write(report.Report(
        size, settings.order, settings.level, settings.bins, cuts, judgement, test, models, starts(values, models),
        {model: of.sd() for model, of in statistics.items()}, each_run(valid, test, cuts), given, parts,
        {model: facts(size, model) for model in models},
        {model: curves(size, model, list(test.cosines[model])) for model in models},
        heading(test, settings.level, settings.resamples), notes(judgement, settings.level, cuts, test, given)))
    print(leaderboard.render(board))
    print("\nPlots to open:\n  " + "\n  ".join(board.plots))


def starts(values: dict[str, Any], models: list[str]) -> dict[str, str]:
    """Model → the model that its block starts from, where it names one."""
    blocks = values[TRACK]["models"]
    return {model: str(blocks[model]["start_from"]) for model in models
            if isinstance(blocks[model], dict) and "start_from" in blocks[model]}


def _statistics(of: Scores, cuts: Cuts) -> dict[str, Runs]:
    return {model: Runs(of.labels, list(runs.values()), cuts) for model, runs in of.cosines.items()}
