"""What a prediction is worth once the future is known.

Every metric takes what came true, what was predicted and, if wanted, how often each row counts;
a row of weight two is two equal rows. Where a metric has no meaning (no rows, one class, nothing
to rank) it is nan. Columns that don't fit together raise ValueError.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
Formula = Callable[[Array, Array, Array], Array]
Check = Callable[[Array, Array], None]

AT_ONCE = 1_000_000
"""Weights of a block of draws: more would only take memory."""


class Measure(Protocol):
    """What a bootstrap can repeat: a metric, or its function."""

    @property
    def upward(self) -> bool:
        """Whether drawing rows again raises it, as it does a mean of distances."""

    def __call__(
        self, y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None
    ) -> float:
        """Compute the metric."""

    def draws(self, y: ArrayLike, prediction: ArrayLike, weights: ArrayLike) -> Array:
        """Compute it once for each row of weights, shape (draws, rows)."""


class MetricFunction:
    """A formula that takes one weighting of the rows or many at once, its columns checked.

    The formula sees weights of shape (..., rows) and returns numbers of shape (...,), so that a
    bootstrap's draws are by definition what the metric is of each.
    """

    __name__: str

    def __init__(self, check: Check, formula: Formula, upward: bool = False) -> None:
        self._check, self.formula, self.upward = check, formula, upward
        update_wrapper(self, formula)

    def __call__(
        self, y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None
    ) -> float:
        """Compute the metric; every row counts once unless weighted."""
        return float(self._of(y, prediction, np.ones(np.shape(y)) if weight is None else weight, 1))

    def draws(self, y: ArrayLike, prediction: ArrayLike, weights: ArrayLike) -> Array:
        """Compute it once for each row of weights, shape (draws, rows)."""
        return self._of(y, prediction, weights, 2)

    def _of(self, y: ArrayLike, prediction: ArrayLike, weight: ArrayLike, dimensions: int) -> Array:
        columns = _columns(y, prediction, weight, dimensions)
        self._check(*columns[:2])
        return self.formula(*columns)


@dataclass(frozen=True)
class Metric:
    """A metric with what a reader must know of it; calling it computes it.

    `higher_is_better` is None where the best is zero, from either side.
    """

    name: str
    function: MetricFunction
    higher_is_better: bool | None
    unit: str
    label: str

    def __call__(
        self, y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None
    ) -> float:
        """Compute the metric."""
        return self.function(y, prediction, weight)

    @property
    def upward(self) -> bool:
        """Whether drawing rows again raises it."""
        return self.function.upward

    def draws(self, y: ArrayLike, prediction: ArrayLike, weights: ArrayLike) -> Array:
        """Compute it once for each row of weights, shape (draws, rows)."""
        return self.function.draws(y, prediction, weights)

    def worth(self, value: ArrayLike) -> Array:
        """Return a figure so that more is better, whichever way the metric runs."""
        value = np.asarray(value, float)
        if self.higher_is_better is None:
            return -np.abs(value)
        return value if self.higher_is_better else -value


def _values(*_: Array) -> None:
    """Let any numbers pass."""


def _outcomes(y: Array, *_: Array) -> None:
    other = y[(y != 0) & (y != 1)]
    if other.size:
        raise ValueError(f"y must be 0 or 1, got {other[0]}: give churned as a flag")


def _probabilities(y: Array, prediction: Array) -> None:
    _outcomes(y)
    other = prediction[(prediction < 0) | (prediction > 1)]
    if other.size:
        raise ValueError(f"a probability must be within 0 and 1, got {other[0]}: calibrate first")


_of_values = partial(MetricFunction, _values)
_of_outcomes = partial(MetricFunction, _outcomes)
_of_probabilities = partial(MetricFunction, _probabilities)


# Of a churn prediction.


@_of_outcomes
def roc_auc(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the chance that a churner is ranked above a stayer, a tie counting half.

    Hanley & McNeil (1982), Radiology 143(1).
    """
    churned, total = _levels(prediction, weight * y, weight)
    stayed = total - churned
    below = np.cumsum(stayed, axis=-1) - stayed / 2
    return _ratio(_sum(churned * below), _sum(churned) * _sum(stayed))


@_of_outcomes
def pr_auc(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the average precision: precision at each threshold, weighted by the recall gained.

    Davis & Goadrich (2006), ICML; without their interpolation, as in scikit-learn.
    """
    churned, total = (level[..., ::-1] for level in _levels(prediction, weight * y, weight))
    reached = np.cumsum(total, axis=-1)
    found = churned * np.cumsum(churned, axis=-1)
    # A level that nobody drawn is on adds nothing, whatever the precision there.
    return _ratio(_sum(found / np.where(reached > 0, reached, 1)), _sum(churned))


@_of_probabilities
def log_loss(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the mean surprise, in nats, with probabilities kept a bit's breadth off 0 and 1.

    Good (1952), Rational Decisions, JRSS B 14(1).
    """
    p = np.clip(prediction, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return _mean(-(y * np.log(p) + (1 - y) * np.log1p(-p)), weight)


@_of_probabilities
def brier(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the mean squared distance from probability to outcome.

    Brier (1950), Monthly Weather Review 78(1).
    """
    return _mean((y - prediction) ** 2, weight)


@partial(_of_probabilities, upward=True)
def ece(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the mean distance between predicted and observed rate, over tenths by prediction.

    Equal predictions share the bin that their middle falls into. It is above zero even for a
    perfect model: compare with `random_level_ece`. Nixon et al. (2019), CVPR workshops.
    """
    excess, total = _levels(prediction, weight * (prediction - y), weight)
    whole = _sum(total)[..., None]
    middle = np.cumsum(total, axis=-1) - total / 2
    tenth = np.minimum(np.floor(10 * middle / np.where(whole > 0, whole, 1)), 9).astype(int)
    return _ratio(_sum(np.abs(_sum_by(tenth, excess, 10))), whole[..., 0])


@_of_outcomes
def lift_at_10(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the churn rate of the top tenth by prediction over that of all.

    Of rows tied at the boundary, or cut by it, the expected part counts.
    Neslin et al. (2006), Journal of Marketing Research 43(2).
    """
    return 10 * _top_tenth_share(y, prediction, weight)


# Of a value prediction.


@_of_values
def normalised_gini(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the Gini of the order by prediction over that of the perfect order.

    1 is the perfect order, 0 a random or a constant one, -1 the reverse. Taken as the covariance
    of value and rank, so that values may be negative and ties count by their mean rank.
    Frees, Meyers & Cummings (2011), JASA 106(495); Lerman & Yitzhaki (1984), Economics Letters 15.
    """
    value, total = _levels(prediction, weight * y, weight)
    best, equal = _levels(y, weight * y, weight)
    return _ratio(_sum(value * _middles(total)), _sum(best * _middles(equal)))


@_of_values
def rmse(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the root of the mean squared error."""
    return np.sqrt(_mean((prediction - y) ** 2, weight))


@_of_values
def mae(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the mean absolute error."""
    return _mean(np.abs(prediction - y), weight)


@_of_values
def spearman(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the correlation of the ranks, ties by their mean rank.

    Spearman (1904), American Journal of Psychology 15(1).
    """
    actual, predicted = (_midranks(column, weight) for column in (y, prediction))
    spread = _sum(weight * actual**2) * _sum(weight * predicted**2)
    return _ratio(_sum(weight * actual * predicted), np.sqrt(spread))


@_of_values
def total_bias(y: Array, prediction: Array, weight: Array) -> Array:
    """Return by what share of the total value the predictions together exceed it."""
    excess, total = _mean(prediction - y, weight), _mean(y, weight)
    return _ratio(excess, np.abs(total))


@_of_values
def top_tenth_share(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the share of the total value that the top tenth by prediction brought.

    Of rows tied at the boundary, or cut by it, the expected part counts; nan unless the total is
    positive.
    """
    return _top_tenth_share(y, prediction, weight)


# Of either: how high the predictions stand.


@_of_values
def mean_predicted(_: Array, prediction: Array, weight: Array) -> Array:
    """Return the mean prediction: of churn, the rate that it foretells."""
    return _mean(prediction, weight)


@_of_values
def mean_actual(y: Array, _: Array, weight: Array) -> Array:
    """Return the mean of what came true: of churn, the rate."""
    return _mean(y, weight)


@_of_values
def mean_excess(y: Array, prediction: Array, weight: Array) -> Array:
    """Return how far the mean prediction lies above the mean of what came true.

    Calibration in the large: Steyerberg et al. (2010), Epidemiology 21(1).
    """
    return _mean(prediction - y, weight)


@_of_values
def unexplained_deviance(y: Array, prediction: Array, weight: Array) -> Array:
    """Return the part of Tweedie's deviance (power 1.5) that predictions leave: 1 is a constant's.

    It asks for order and level at once. Values below zero count as none, predictions as the least
    above it. Jørgensen (1987), Exponential Dispersion Models, JRSS B 49(2).
    """
    y, told = np.maximum(y, 0.0), np.maximum(prediction, np.finfo(float).tiny)
    root = np.sqrt(y)
    left = _mean(np.sqrt(told) + y / np.sqrt(told) - 2 * root, weight)
    # Of a constant m, the mean of y: √m + m/√m − 2 times the mean of √y.
    whole = 2 * (np.sqrt(_mean(y, weight)) - _mean(root, weight))
    return np.where(whole > 0, left / np.where(whole > 0, whole, 1.0), np.nan)


CHURN_METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("roc_auc", roc_auc, True, "", "Ranking of churners above stayers (ROC AUC)"),
        Metric("pr_auc", pr_auc, True, "", "Average precision (PR AUC)"),
        Metric("log_loss", log_loss, False, "nats", "Mean surprise (log loss)"),
        Metric("brier", brier, False, "", "Squared error of the probability (Brier)"),
        Metric("ece", ece, False, "probability", "Calibration error (ECE, ten bins)"),
        Metric("lift_at_10", lift_at_10, True, "times", "Churn in the top tenth over the average"),
    )
}

VALUE_METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("normalised_gini", normalised_gini, True, "", "Ranking by value (normalised Gini)"),
        Metric("rmse", rmse, False, "currency", "Root mean squared error"),
        Metric("mae", mae, False, "currency", "Mean absolute error"),
        Metric("spearman", spearman, True, "", "Rank correlation (Spearman)"),
        Metric("total_bias", total_bias, None, "share", "Excess of the predicted total"),
        Metric("top_tenth_share", top_tenth_share, True, "share", "Value in the top tenth"),
    )
}


LEVEL_METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("mean_predicted", mean_predicted, None, "", "Mean prediction"),
        Metric("mean_actual", mean_actual, None, "", "Mean of what came true"),
        Metric("mean_excess", mean_excess, None, "", "Mean prediction above what came true"),
    )
}


def evaluate(
    metrics: Mapping[str, Measure], y: ArrayLike, prediction: ArrayLike
) -> dict[str, float]:
    """Return each metric by name, nan where it has no meaning."""
    return {name: metric(y, prediction) for name, metric in metrics.items()}


def random_level_ece(p: ArrayLike, repeats: int = 200, seed: int = 0) -> float:
    """Return the ECE that chance alone gives these predictions if they are perfectly calibrated.

    The mean over outcomes drawn from them: Bröcker & Smith (2007), Weather and Forecasting 22(3).
    """
    p, rng = np.sort(np.asarray(p, float)), np.random.default_rng(seed)
    once, size = np.ones(p.shape), max(1, AT_ONCE // max(1, p.size))
    shown = [
        ece.formula((rng.random((len(block), p.size)) < p).astype(float), p, once)
        for block in (range(start, repeats)[:size] for start in range(0, repeats, size))
    ]
    return float(np.mean(np.concatenate(shown)))


def _levels(prediction: Array, *columns: Array) -> tuple[Array, ...]:
    """Sum each column over each distinct prediction, lowest first."""
    order, starts = _ties(prediction)
    return tuple(_sum_ties(column[..., order], starts) for column in columns)


def _midranks(values: Array, weight: Array) -> Array:
    """Return each value's mean rank among its ties, from the middle: 0 if all are equal."""
    order, starts = _ties(values)
    middles = _middles(_sum_ties(weight[..., order], starts))
    level = np.empty(len(values), dtype=int)
    level[order] = np.repeat(np.arange(len(starts)), np.diff(starts, append=len(values)))
    return middles[..., level]


def _middles(total: Array) -> Array:
    """Return each level's mean rank, from the middle of all: 0 if there is but one."""
    reached = np.cumsum(total, axis=-1)
    return reached - total / 2 - reached[..., -1:] / 2


def _ties(values: Array) -> tuple[NDArray[np.intp] | slice, NDArray[np.intp]]:
    """Return the rising order, and where in it each distinct value starts."""
    rises = bool((values[1:] >= values[:-1]).all())
    order = slice(None) if rises else np.argsort(values, kind="stable")  # a slice copies nothing
    rising = values[order]
    new = np.ones(len(values), bool)
    new[1:] = rising[1:] != rising[:-1]
    return order, np.flatnonzero(new)


def _sum_ties(column: Array, starts: NDArray[np.intp]) -> Array:
    """Sum a column in its order from each start to the next."""
    alone = len(starts) == column.shape[-1]
    return column if alone else np.add.reduceat(column, starts, axis=-1)


def _sum_by(number: NDArray[np.intp], values: Array, numbers: int) -> Array:
    """Sum values by their number, shape (..., numbers)."""
    shape = (*values.shape[:-1], numbers)
    draws = np.arange(int(np.prod(shape[:-1]))).reshape(*shape[:-1], 1)
    flat = (draws * numbers + number).ravel()
    return np.bincount(flat, values.ravel(), int(np.prod(shape))).reshape(shape)


def _top_tenth_share(y: Array, prediction: Array, weight: Array) -> Array:
    value, total = (level[..., ::-1] for level in _levels(prediction, weight * y, weight))
    room = _sum(weight)[..., None] / 10 - (np.cumsum(total, axis=-1) - total)
    caught = _sum(value * np.clip(room / np.where(total > 0, total, 1), 0, 1))
    return _ratio(caught, np.maximum(_sum(value), 0))


def _mean(values: Array, weight: Array) -> Array:
    return _ratio(np.einsum("...i,i->...", weight, values), _sum(weight))


def _sum(values: Array) -> Array:
    return np.sum(values, axis=-1)


def _ratio(part: Array, whole: Array) -> Array:
    return np.where(whole != 0, part / np.where(whole != 0, whole, 1), np.nan)


def _columns(
    y: ArrayLike, prediction: ArrayLike, weight: ArrayLike, dimensions: int
) -> tuple[Array, Array, Array]:
    """Return the columns as floats; one weighting of the rows is one dimension, many are two."""
    y, prediction, weight = (np.asarray(each, float) for each in (y, prediction, weight))
    fit = y.ndim == 1 and y.shape == prediction.shape == weight.shape[-1:]
    if not fit or weight.ndim != dimensions:
        raise ValueError(
            "y, prediction and weight must be columns of one length, got "
            f"{y.shape}, {prediction.shape} and {weight.shape}: give one value a row"
        )
    if not (np.isfinite(y).all() and np.isfinite(prediction).all() and weight.min(initial=0) >= 0):
        raise ValueError(
            "y and prediction must be finite and weights >= 0, got others: "
            "leave out the rows without a label or a score"
        )
    return y, prediction, weight
