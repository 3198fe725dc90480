"""The posterior of :mod:`rankpipe.rating.models.mf` and its sweeps, compiled."""

import numpy as np
from numba import njit

from rankpipe.rating.inputs import Inputs
from rankpipe.rating.models.rows import Rows


class Posterior:
    """Means and covariances of all users and items; side 0 is the users, side 1 the items."""

    def __init__(self, train: Rows, inputs: Inputs, dim: int, std: float, seed: int):
        self.count, self.rows = (inputs.n_users, inputs.n_items), len(train)
        rest = train.ratings.astype(np.float64) - inputs.mean
        codes = (train.users, train.items)
        self.of = []
        for side in (0, 1):
            order = np.argsort(codes[side], kind="stable")
            starts = np.concatenate([[0], np.cumsum(np.bincount(codes[side], minlength=self.count[side]))])
            self.of.append((starts, codes[1 - side][order].astype(np.int32), rest[order]))
        generator = np.random.default_rng(seed)
        self.mean = [generator.normal(0, std, (n, dim + 1)) for n in self.count]
        for mean in self.mean:
            mean[:, -1] = 0
        self.covariance = [np.tile(np.eye(dim + 1) * std**2, (n, 1, 1)) for n in self.count]
        self.prior = [np.zeros(dim + 1), np.zeros(dim + 1)]
        self.precision = [np.full(dim + 1, std**-2 / 10), np.full(dim + 1, std**-2 / 10)]
        self.noise = 1 / max(float(np.var(rest)), 1e-6)

    def sweep(self, settled: bool) -> None:
        """Users, then items; the variances follow where ``settled``: random vectors would tell them nothing."""
        for side in (0, 1):
            _update(*self.of[side], self.mean[side], self.covariance[side], self.mean[1 - side],
                    self.covariance[1 - side], self.precision[side], self.prior[side], self.noise)
            if settled:
                mean, spread = self.mean[side], self.covariance[side].diagonal(0, 1, 2)
                self.prior[side] = mean.mean(0)
                self.precision[side] = len(mean) / (np.square(mean - self.prior[side]) + spread).sum(0)
        if settled:
            squared = _squared(*self.of[0], self.mean[0], self.covariance[0], self.mean[1], self.covariance[1])
            # Ratings that can be met exactly would drive the precision beyond what a float can hold.
            self.noise = self.rows / max(squared, 1e-6 * self.rows)

    def means(self) -> tuple[np.ndarray, np.ndarray]:
        """(users + 1, k + 1), (items + 1, k + 1) float32: factors, bias; the last row is the mean of all."""
        users, items = (np.vstack([m, p]).astype(np.float32) for m, p in zip(self.mean, self.prior, strict=True))
        return users, items


@njit(cache=True)
def _update(starts, others, rest, mean, covariance, other_mean, other_covariance, precision, prior, noise):
    count, width = mean.shape
    k = width - 1
    x = np.ones(width)
    for row in range(count):
        system, right = np.zeros((width, width)), np.zeros(width)
        for t in range(starts[row], starts[row + 1]):
            j = others[t]
            x[:k] = other_mean[j, :k]
            left = rest[t] - other_mean[j, k]
            for a in range(width):
                for b in range(a + 1):
                    system[a, b] += x[a] * x[b] + (other_covariance[j, a, b] if a < k else 0.0)
                right[a] += x[a] * left - (other_covariance[j, a, k] if a < k else 0.0)
        for a in range(width):
            for b in range(a + 1):
                system[a, b] *= noise
                system[b, a] = system[a, b]
            right[a] = noise * right[a] + precision[a] * prior[a]
        for a in range(width):
            system[a, a] += precision[a]
        covariance[row] = np.linalg.inv(system)
        mean[row] = covariance[row] @ right


@njit(cache=True)
def _squared(starts, others, rest, mean, covariance, other_mean, other_covariance):
    """Σ E[(r − μ − b − c − p·q)²] over all ratings: the squared error of the means, and the variance around them."""
    k = mean.shape[1] - 1
    total = 0.0
    for row in range(len(mean)):
        for t in range(starts[row], starts[row + 1]):
            j = others[t]
            error = rest[t] - mean[row, k] - other_mean[j, k]
            variance = covariance[row, k, k] + other_covariance[j, k, k]
            for a in range(k):
                error -= mean[row, a] * other_mean[j, a]
                variance += 2 * (covariance[row, a, k] * other_mean[j, a] + other_covariance[j, a, k] * mean[row, a])
                for b in range(k):
                    variance += covariance[row, a, b] * other_mean[j, a] * other_mean[j, b]
                    variance += other_covariance[j, a, b] * (covariance[row, a, b] + mean[row, a] * mean[row, b])
            total += error * error + variance
    return total
