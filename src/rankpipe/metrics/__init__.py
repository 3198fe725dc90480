"""Metrics on plain numpy arrays, intervals by resampling, paired comparisons. Knows no track and no model.

Per-row metrics of binary labels live in :mod:`.ranking`, :mod:`.probability` and :mod:`.calibration`;
:mod:`.bootstrap` and :mod:`.comparison` take any statistic of weighted rows, so that every track can use them.
"""

from rankpipe.metrics.bootstrap import Means, Resamples, WeightedMeans, interval, resample
from rankpipe.metrics.calibration import calibration_error
from rankpipe.metrics.classification import Classification
from rankpipe.metrics.comparison import Difference, difference, holm
from rankpipe.metrics.probability import logloss, normalised_entropy, prior_shift, task_score
from rankpipe.metrics.ranking import auc, average_precision

__all__ = ["Classification", "Difference", "Means", "Resamples", "WeightedMeans", "auc", "average_precision",
           "calibration_error", "difference", "holm", "interval", "logloss", "normalised_entropy", "prior_shift",
           "resample", "task_score"]
