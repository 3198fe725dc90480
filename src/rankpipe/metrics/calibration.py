"""How far predicted probabilities lie from observed rates, by bins."""

from typing import Literal

import numpy as np

from rankpipe.metrics.rows import checked

Binning = Literal["mass", "width"]


def calibration_error(labels: np.ndarray, probabilities: np.ndarray, weights: np.ndarray | None = None, *,
                      bins: int = 15, binning: Binning = "mass") -> float:
    """Expected calibration error: Σ over bins of (share of rows) × |observed rate − mean probability|.

    Bins hold equal numbers of rows by default: bins of equal width put nearly all rows of a 2 % click rate in one. At
    finite N a perfectly calibrated model doesn't reach 0. Definition: Naeini et al. 2015; equal mass: Nguyen and
    O'Connor 2015.

    Raises:
        InputError: NaN, outside [0, 1], unequal lengths.
    """
    positive, p, weights = checked(labels, probabilities, weights, probabilities=True, both=False)
    bin_of = assign(p, weights, bins, binning)
    return float(np.abs(np.bincount(bin_of, weights * (positive - p))).sum() / weights.sum())


def assign(probabilities: np.ndarray, weights: np.ndarray, bins: int, binning: Binning) -> np.ndarray:
    """(N,) bin of each row. Equal probabilities always share a bin, so ties don't depend on the order of rows.

    ``mass``: bin = ⌊bins × share of weight strictly below⌋. ``width``: bin k holds [k/bins, (k + 1)/bins), the last
    one also 1.
    """
    if binning == "width":
        return np.minimum((probabilities * bins).astype(np.int64), bins - 1)
    _values, place = np.unique(probabilities, return_inverse=True)
    mass = np.bincount(place, weights)
    below = np.concatenate([[0.0], np.cumsum(mass)[:-1]])
    return np.minimum((bins * below / mass.sum()).astype(np.int64), bins - 1)[place]


def reliability(labels: np.ndarray, probabilities: np.ndarray, *, bins: int = 15,
                binning: Binning = "mass") -> list[dict[str, float]]:
    """The calibration diagram: for each bin that holds rows ``predicted`` (mean probability), ``observed`` (rate),
    ``rows``.
    """
    positive, p, weights = checked(labels, probabilities, probabilities=True, both=False)
    bin_of = assign(p, weights, bins, binning)
    rows = np.bincount(bin_of, minlength=bins)
    held = np.flatnonzero(rows)
    predicted = np.bincount(bin_of, p, minlength=bins)[held] / rows[held]
    observed = np.bincount(bin_of, positive, minlength=bins)[held] / rows[held]
    return [{"predicted": float(a), "observed": float(b), "rows": int(n)}
            for a, b, n in zip(predicted, observed, rows[held], strict=True)]
