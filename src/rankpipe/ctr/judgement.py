"""What a click model is measured by, and the row that knows nothing but valid's click rate."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rankpipe import judgement
from rankpipe.ctr.scores import Scores
from rankpipe.errors import InputError
from rankpipe.judgement import Judgement
from rankpipe.metrics.bootstrap import Resamples
from rankpipe.metrics.calibration import Binning
from rankpipe.metrics.classification import HIGHER, Classification

CONSTANT = "constant"
"""The row that predicts valid's click rate for everybody."""


@dataclass(frozen=True)
class Rules:
    """How to judge."""

    order: str
    level: float
    bins: int
    binning: Binning
    shift: bool
    """Also the task's score after the prior shift."""
    baselines: tuple[str, ...]


def judge(valid: Scores, test: Scores, rules: Rules, resamples: Resamples,
          done: Callable[[int], object] | None = None) -> Judgement:
    """Judges on ``test``; the baseline to beat and the prior come from ``valid``, so that test chooses nothing.

    Raises:
        InputError: a split of one class.
    """
    prior = valid.rate if rules.shift else None
    on_valid = {m: s.estimate() for m, s in _statistics(valid, rules, prior, valid.rate, "valid").items()}
    statistics = _statistics(test, rules, prior, valid.rate, "test")
    general = judgement.Rules(rules.order, HIGHER, rules.level, rules.baselines, centred=("calibration_error",))
    return judgement.judge(on_valid, statistics, general, resamples, done, constants=(CONSTANT,))


def _statistics(split: Scores, rules: Rules, prior: float | None, rate: float, name: str) -> dict[str, Classification]:
    everybody = {**split.probabilities, CONSTANT: np.full(len(split), rate)}
    try:
        return {m: Classification(split.labels, p, prior, rules.bins, rules.binning) for m, p in everybody.items()}
    except InputError as error:
        raise InputError(f"split {name}: {error}; see ctr.extract in params.yaml") from error
