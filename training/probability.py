"""Buying as a random process: BG/NBD for how often, Gamma-Gamma for how much each time.

A history is three numbers a customer, in any one unit of time: `frequency`, the repeat purchases;
`recency`, from the first purchase to the last; `age`, from the first purchase to the cut-off.
Answers are elementwise: a customer alone gets the same bits as within the whole base.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special

from training.likelihood import Array, Parameters, maximise, times_ahead, weights_like

Places = NDArray[np.int64]

_PLACES = np.arange(3)  # of frequency, recency and age among a history's columns


@dataclass(frozen=True)
class BGNBD(Parameters):
    """Customers buy at a rate of their own, and after any purchase may leave unseen.

    Rates are Gamma(r, alpha) over customers, the chance to leave Beta(a, b).
    Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
    """

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(
        cls,
        frequency: ArrayLike,
        recency: ArrayLike,
        age: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> Self:
        """Estimate the parameters by maximum likelihood.

        Raises ValueError for histories that cannot be, that hold no repeat purchase, or whose
        likelihood has no maximum to be found.
        """
        x, t_x, age = _history(frequency, recency, age)
        weight = weights_like(weights, x)
        if not (np.sum(weight * x) > 0 and np.sum(weight * age) > 0):
            raise ValueError(
                f"BG/NBD needs a repeat purchase, got {np.sum(weight):g} customers with none: "
                "take a longer period or a larger customer base"
            )
        share = weight / np.sum(weight)
        scale, rate = float(np.sum(share * age)), float(np.sum(share * x))

        def mean_log_likelihood(parameters: Array) -> tuple[float, Array]:
            model, history = cls(*parameters), (x, t_x / scale, age / scale)
            height = np.sum(share * model._log_likelihoods(*history))
            return float(height), np.sum(share * model._slopes(*history), axis=1)

        # Past these customers are as good as alike, and 2F1 loses its digits.
        limits = [(1e-4, 1e2), (1e-4, 1e4), (1e-4, 2e1), (1e-4, 1e2)]
        r, alpha, a, b = maximise("BG/NBD", mean_log_likelihood, [1, 1 / rate, 1, 2], limits)
        return cls(r, alpha * scale, a, b)

    def log_likelihood(
        self,
        frequency: ArrayLike,
        recency: ArrayLike,
        age: ArrayLike,
        weights: ArrayLike | None = None,
    ) -> float:
        """Return the log-likelihood of these histories together (eq. 6)."""
        x, t_x, age = _history(frequency, recency, age)
        return float(np.sum(weights_like(weights, x) * self._log_likelihoods(x, t_x, age)))

    def probability_alive(self, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> Array:
        """Return P(not left by the cut-off | history); 1 where nobody could yet leave."""
        from training import purchase_kernels  # compiled by then

        shape, (rows, ahead) = self._asked(0.0, frequency, recency, age)
        return self.standing(rows, ahead)[purchase_kernels.ALIVE].reshape(shape)

    def probability_of_purchase(
        self, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> Array:
        """Return P(at least one purchase within `t` of the cut-off | history).

        Of those alive the rate is Gamma(r + frequency, alpha + age), and none leaves before the
        next purchase, so the chance of silence is ((alpha + age) / (alpha + age + t))^(r + x).
        """
        from training import purchase_kernels  # compiled by then

        shape, (rows, ahead) = self._asked(t, frequency, recency, age)
        found = self.standing(rows, ahead)
        both = found[purchase_kernels.ALIVE] * found[purchase_kernels.BUYS]
        return both.reshape(shape)

    def cumulative_hazard(
        self, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> Array:
        """Return Λ(t) = −log P(no purchase within `t` of the cut-off | history), rising with `t`.

        Digits are kept at both ends: of who has all but surely left, and of the busiest.
        """
        from training import course_kernels  # compiled by then

        shape, (rows, ahead) = self._asked(t, frequency, recency, age)
        found = np.empty(len(ahead))
        course_kernels.set_hazards(self.silence(rows), ahead, found)
        return found.reshape(shape)

    def expected_purchases(
        self, t: ArrayLike, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
    ) -> Array:
        """Return E[purchases within `t` of the cut-off | history] (eq. 10)."""
        shape, (rows, ahead) = self._asked(t, frequency, recency, age)
        found = np.empty((len(rows), 2))
        self.outlook(rows, ahead, found)
        return found[:, 0].reshape(shape)

    def standing(
        self, rows: Array, ahead: Array, places: Places = _PLACES, first: float = 0.0
    ) -> Array:
        """Return what the answers are made of.

        Parameters
        ----------
        rows : ndarray, shape (rows, columns)
            Histories among their columns; NaN follows from what is none.
        ahead : ndarray, shape (rows,)
            How far to look.
        places : ndarray of int, shape (3,)
            The columns of purchases, recency and age.
        first : float
            How many of the purchases are no repeat.

        Returns
        -------
        ndarray, shape (7, rows)
            As `purchase_kernels` numbers them.
        """
        from training import purchase_kernels  # compiled by then

        found = np.empty((purchase_kernels.STANDING, len(rows)))
        law = (self.r, self.alpha, self.a, self.b)
        purchase_kernels.set_standing(
            np.ascontiguousarray(rows, float), places, first, law, ahead, found
        )
        return found

    def silence(self, rows: Array, places: Places = _PLACES, first: float = 0.0) -> Array:
        """Return the course that silence takes after rows of histories.

        Returns
        -------
        ndarray, shape (3, rows)
            The log-odds of having left; the shape and scale of the Lomax law of the next
            purchase, of who has not.
        """
        return self.standing(rows, np.zeros(len(rows)), places, first)[:3]

    def outlook(
        self,
        rows: Array,
        ahead: Array,
        out: Array,
        places: Places = _PLACES,
        first: float = 0.0,
    ) -> None:
        """Set out's first two columns: E[purchases] and P(a purchase) of rows of histories."""
        from training import purchase_kernels  # compiled by then

        found = self.standing(rows, ahead, places, first)
        x, share = found[purchase_kernels.REPEATS], found[purchase_kernels.SHARE]
        series = np.empty((len(self._sides), len(rows)))
        for side, a in enumerate(self._sides):
            # Euler's transformation of the paper's 2F1: only its third argument grows with x, so
            # that it stays exact for the busiest customers, where the printed form overflows.
            b = a + self.b - 1
            special.hyp2f1(b - self.r, a - 1, b + x, share, out=series[side])
        law = (self.r, self.alpha, self.a, self.b)
        purchase_kernels.set_purchases(found, series, self._sides, law, ahead, out)

    @cached_property
    def _sides(self) -> Array:
        """Where the formula is computed: at a, or on both sides of it.

        It or its 2F1 divides by zero at some, where what they stand for is smooth.
        """
        near = 1e-5
        distances = [self.a - 1, self.a + self.b - 1, self.a - self.r - round(self.a - self.r)]
        steps = [-2 * near, 2 * near] if min(map(abs, distances)) < near else [0.0]
        return np.array([self.a + step for step in steps])

    def _asked(
        self, t: ArrayLike, *history: ArrayLike
    ) -> tuple[tuple[int, ...], tuple[Array, Array]]:
        """Return the answer's shape, and histories and times ahead a row each."""
        columns = np.broadcast_arrays(times_ahead(t), *_history(*history))
        ahead, x, t_x, age = (np.ravel(column) for column in columns)
        return columns[0].shape, (np.column_stack([x, t_x, age]), np.ascontiguousarray(ahead))

    def _log_odds_left(self, x: Array, t_x: Array, age: Array) -> Array:
        """Return what `standing` holds row by row: here of all at once, as a climb asks often."""
        chance = np.log(self.a / (self.b + np.maximum(x, 1) - 1))
        silence = (self.r + x) * np.log((self.alpha + age) / (self.alpha + t_x))
        return np.where(x > 0, chance + silence, -np.inf)

    def _log_likelihoods(self, x: Array, t_x: Array, age: Array) -> Array:
        buying = special.gammaln(self.r + x) - special.gammaln(self.r)
        staying = special.betaln(self.a, self.b + x) - special.betaln(self.a, self.b)
        timing = self.r * np.log(self.alpha) - (self.r + x) * np.log(self.alpha + age)
        alive = special.log_expit(-self._log_odds_left(x, t_x, age))
        return buying + staying + timing - alive

    def _slopes(self, x: Array, t_x: Array, age: Array) -> list[Array]:
        """Return the derivatives of each log-likelihood by r, alpha, a and b."""
        left = special.expit(self._log_odds_left(x, t_x, age))
        now, last, shape = self.alpha + age, self.alpha + t_x, self.r + x
        silence = (1 - left) * np.log(now) + left * np.log(last)
        chance = special.psi(self.a + self.b) - special.psi(self.a + self.b + x)
        return [
            special.psi(shape) - special.psi(self.r) + np.log(self.alpha) - silence,
            self.r / self.alpha - shape * ((1 - left) / now + left / last),
            chance + left / self.a,
            chance
            + special.psi(self.b + x)
            - special.psi(self.b)
            - left / (self.b + np.maximum(x, 1) - 1),
        ]


@dataclass(frozen=True)
class GammaGamma(Parameters):
    """A purchase's value is Gamma(p, rate), and the rate is Gamma(q, v) over customers.

    Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, brucehardie.com/notes/025.
    """

    p: float
    q: float
    v: float

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.q <= 1:
            raise ValueError(
                f"GammaGamma.q must be above 1 for the customers to have a mean, got {self.q}: "
                "cap the few largest values, or look for wrong ones among them"
            )

    @classmethod
    def fit(cls, frequency: ArrayLike, mean_value: ArrayLike) -> Self:
        """Estimate the parameters by maximum likelihood, from customers with repeat purchases.

        Raises ValueError for values that are not positive, where no customer has a repeat
        purchase, or where the likelihood has no maximum to be found.
        """
        x, mean = _values(frequency, mean_value)
        x, mean = x[x > 0], mean[x > 0]
        if not len(x):
            raise ValueError(
                "Gamma-Gamma needs a customer with a repeat purchase, got none: "
                "take a longer period or a larger customer base"
            )
        scale = float(np.mean(mean))

        def mean_log_likelihood(parameters: Array) -> tuple[float, Array]:
            p, q, v = parameters
            return (
                float(np.mean(_value_log_likelihoods(p, q, v, x, mean / scale))),
                np.mean(_value_slopes(p, q, v, x, mean / scale), axis=1),
            )

        limits = [(1e-3, 1e4)] * 3
        p, q, v = maximise("Gamma-Gamma", mean_log_likelihood, [2, 3, 1], limits)
        return cls(p, q, v * scale)

    def log_likelihood(self, frequency: ArrayLike, mean_value: ArrayLike) -> float:
        """Return the log-likelihood of these mean values together (eq. 1a)."""
        x, mean = _values(frequency, mean_value)
        rows = _value_log_likelihoods(self.p, self.q, self.v, x[x > 0], mean[x > 0])
        return float(np.sum(rows))

    def expected_average_value(self, frequency: ArrayLike, mean_value: ArrayLike) -> Array:
        """Return E[value of a purchase | history] (eq. 5), which shrinks towards all customers'.

        With no repeat purchase the mean value is not read, and the answer is p v / (q - 1).
        """
        from training import purchase_kernels  # compiled by then

        found = purchase_kernels.average_value(
            self.p, self.q, self.v, *_values(frequency, mean_value)
        )
        return np.asarray(found)


def _value_log_likelihoods(p: float, q: float, v: float, x: Array, mean: Array) -> Array:
    shapes = special.gammaln(p * x + q) - special.gammaln(p * x) - special.gammaln(q)
    scales = q * np.log(v) + p * x * np.log(x * mean) - (p * x + q) * np.log(v + x * mean)
    return shapes + scales - np.log(mean)


def _value_slopes(p: float, q: float, v: float, x: Array, mean: Array) -> list[Array]:
    both, total = special.psi(p * x + q), v + x * mean
    return [
        x * (both - special.psi(p * x) + np.log(x * mean / total)),
        both - special.psi(q) + np.log(v / total),
        q / v - (p * x + q) / total,
    ]


def _history(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Array, ...]:
    x, t_x, age = (np.asarray(column, float) for column in (frequency, recency, age))
    if not x.shape == t_x.shape == age.shape:
        x, t_x, age = np.broadcast_arrays(x, t_x, age)
    possible = (x >= 0) & (t_x >= 0) & (t_x <= age) & np.isfinite(x + age)
    if not np.all(possible):
        row = int(np.argmin(possible))
        found = [float(column.flat[row]) for column in (x, t_x, age)]
        raise ValueError(
            "a history must have frequency >= 0 and 0 <= recency <= age, got "
            f"{found} in row {row}: count both times from the customer's first purchase"
        )
    return x, t_x, age


def _values(frequency: ArrayLike, mean_value: ArrayLike) -> tuple[Array, Array]:
    x, mean = np.broadcast_arrays(np.asarray(frequency, float), np.asarray(mean_value, float))
    possible = (x == 0) | ((x > 0) & (mean > 0) & np.isfinite(x * mean))
    if not np.all(possible):
        row = int(np.argmin(possible))
        raise ValueError(
            "a customer with repeat purchases must have a positive mean value, got "
            f"{float(x.flat[row])} purchases of {float(mean.flat[row])} in row {row}: "
            "count positive purchases only"
        )
    return x, np.where(x > 0, mean, 0.0)
