"""Staying as a random process, where who leaves says so: the shifted-beta-geometric.

The longer somebody has stayed, the likelier they stay on, as those apt to leave have left. Ages
and times ahead are in periods, such as months, and need not be whole. Answers are elementwise: a
customer alone gets the same bits as within the whole base.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy import special

from training.likelihood import Array, Parameters, maximise, times_ahead, weights_like

_POINTS, _HALVES = np.polynomial.legendre.leggauss(24)
_NODES, _WEIGHTS = (_POINTS + 1) / 2, _HALVES / 2  # Gauss-Legendre's, from 0 to 1


@dataclass(frozen=True)
class ShiftedBetaGeometric(Parameters):
    """In each period a subscriber leaves with a chance of their own, Beta(alpha, beta) over all.

    Fader & Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing
    21(1). A subscriber of chance θ is still there after a time t with probability (1 − θ)^t,
    which within a period too is taken as it stands.
    """

    alpha: float
    beta: float

    @classmethod
    def fit(cls, stayed: ArrayLike, left_by: ArrayLike, weights: ArrayLike | None = None) -> Self:
        """Estimate the parameters by maximum likelihood.

        Parameters
        ----------
        stayed : array-like
            How long each customer is known to have stayed.
        left_by : array-like
            By which age they had left: one period more in the paper, infinite of those still there.
        weights : array-like, optional
            How many customers each row stands for.

        Raises
        ------
        ValueError
            For histories that cannot be, where nobody left or nobody stayed any time, or whose
            likelihood has no maximum to be found.
        """
        stayed, left_by = _stays(stayed, left_by)
        weight = weights_like(weights, stayed)
        gone = np.isfinite(left_by)
        count = float(np.sum(weight * gone))
        if not (count > 0 and np.sum(weight * stayed) > 0):
            raise ValueError(
                f"the shifted-beta-geometric needs customers who stayed and some who left, got "
                f"{count:g} who left of {np.sum(weight):g}: take a longer period"
            )
        share = weight / np.sum(weight)

        def mean_log_likelihood(parameters: Array) -> tuple[float, Array]:
            model = cls(*parameters)
            height = np.sum(share * model._log_likelihoods(stayed, left_by))
            return float(height), np.sum(share * model._slopes(stayed, left_by), axis=1)

        time = float(np.sum(weight * np.where(gone, left_by, stayed)))
        # Past the upper limits customers are as good as alike: all leave at one rate.
        limits = [(1e-3, 1e3), (1e-3, 1e5)]
        start = [1.0, max(time / count, 1e-2)]
        return cls(*maximise("the shifted-beta-geometric", mean_log_likelihood, start, limits))

    def log_likelihood(
        self, stayed: ArrayLike, left_by: ArrayLike, weights: ArrayLike | None = None
    ) -> float:
        """Return the log-likelihood of these histories together."""
        stayed, left_by = _stays(stayed, left_by)
        return float(np.sum(weights_like(weights, stayed) * self._log_likelihoods(stayed, left_by)))

    def survival(self, t: ArrayLike, age: ArrayLike = 0.0) -> Array:
        """Return P(still there at age + t | still there at age)."""
        ahead, age = times_ahead(t), times_ahead(age)
        return np.exp(self._log_survival(age + ahead) - self._log_survival(age))

    def expected_stay(self, start: ArrayLike, end: ArrayLike, age: ArrayLike) -> Array:
        """Return E[time from `start` to `end`, both counted from now, spent as a customer | age].

        It is the integral of `survival`, by Gauss-Legendre on a square root's scale: the chance of
        leaving is largest, and changes most, at first.
        """
        start, end, age = times_ahead(start), times_ahead(end), times_ahead(age)
        length = np.maximum(end - start, 0.0)
        total = np.zeros(np.broadcast_shapes(length.shape, age.shape))
        # One by one, not through BLAS: a row's sum is its own.
        for node, weight in zip(_NODES, _WEIGHTS, strict=True):
            total += 2 * node * weight * self.survival(start + length * node**2, age)
        return np.minimum(total, 1.0) * length

    def _log_survival(self, t: Array) -> Array:
        return special.betaln(self.alpha, self.beta + t) - special.betaln(self.alpha, self.beta)

    def _log_likelihoods(self, stayed: Array, left_by: Array) -> Array:
        gone = np.isfinite(left_by)
        log_stayed = self._log_survival(stayed)
        fell = self._log_survival(np.where(gone, left_by, stayed + 1)) - log_stayed
        return log_stayed + np.where(gone, np.log(-np.expm1(fell)), 0.0)

    def _slopes(self, stayed: Array, left_by: Array) -> list[Array]:
        """Return the derivatives of each log-likelihood by alpha and beta."""
        gone = np.isfinite(left_by)
        end = np.where(gone, left_by, stayed + 1)
        ratio = np.exp(self._log_survival(end) - self._log_survival(stayed))
        share = np.where(gone, ratio / (1 - ratio), 0.0)
        both = zip(self._log_slopes(stayed), self._log_slopes(end), strict=True)
        return [first - share * (last - first) for first, last in both]

    def _log_slopes(self, t: Array) -> list[Array]:
        """Return the derivatives of the logarithm of survival."""
        total = special.psi(self.alpha + self.beta) - special.psi(self.alpha + self.beta + t)
        return [total, total + special.psi(self.beta + t) - special.psi(self.beta)]


def _stays(stayed: ArrayLike, left_by: ArrayLike) -> tuple[Array, Array]:
    stayed, left_by = np.broadcast_arrays(np.asarray(stayed, float), np.asarray(left_by, float))
    possible = (stayed >= 0) & (stayed < left_by) & np.isfinite(stayed)
    if not np.all(possible):
        row = int(np.argmin(possible))
        raise ValueError(
            "a customer must have stayed a time of 0 or more and left after it, got "
            f"{float(stayed.flat[row])} and {float(left_by.flat[row])} in row {row}: "
            "give those still there an infinite end"
        )
    return stayed, left_by
