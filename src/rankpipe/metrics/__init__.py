"""Metrics on plain numpy arrays, intervals by resampling, paired comparisons. Knows no track and no model.

Per-row metrics of binary labels live in :mod:`.ranking`, :mod:`.probability` and :mod:`.calibration`;
:mod:`.bootstrap` and :mod:`.comparison` take any statistic of weighted rows, so that every track can use them. Nothing
is imported here: a stage must not depend on metrics that it doesn't measure.
"""
