"""What a prediction is worth once the future is known.

Every metric takes what came true, what was predicted and, if wanted, how often each row counts;
a row of weight two is two equal rows. Where a metric has no meaning (no rows, one class, nothing
to rank) it is nan. Columns that don't fit together raise ValueError.
"""

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]
MetricFunction = Callable[[ArrayLike, ArrayLike, ArrayLike | None], float]


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


@dataclass(frozen=True)
class Interval:
    """An estimate and the 95 % interval around it."""

    estimate: float
    low: float
    high: float


# Of a churn prediction.


def roc_auc(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the chance that a churner is ranked above a stayer, a tie counting half.

    Hanley & McNeil (1982), Radiology 143(1).
    """
    y, prediction, weight = _binary(y, prediction, weight)
    churned, total = _levels(prediction, weight * y, weight)
    stayed = total - churned
    below = np.cumsum(stayed) - stayed / 2
    return _ratio(np.sum(churned * below), np.sum(churned) * np.sum(stayed))


def pr_auc(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the average precision: precision at each threshold, weighted by the recall gained.

    Davis & Goadrich (2006), ICML; without their interpolation, as in scikit-learn.
    """
    y, prediction, weight = _binary(y, prediction, weight)
    churned, total = (level[::-1] for level in _levels(prediction, weight * y, weight))
    precision = np.cumsum(churned) / np.cumsum(total)
    return _ratio(np.sum(churned * precision), np.sum(churned))


def log_loss(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean surprise, in nats, with probabilities kept a bit's breadth off 0 and 1.

    Good (1952), Rational Decisions, JRSS B 14(1).
    """
    y, p, weight = _probabilities(y, prediction, weight)
    p = np.clip(p, np.finfo(float).eps, 1 - np.finfo(float).eps)
    return _mean(-(y * np.log(p) + (1 - y) * np.log1p(-p)), weight)


def brier(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean squared distance from probability to outcome.

    Brier (1950), Monthly Weather Review 78(1).
    """
    y, p, weight = _probabilities(y, prediction, weight)
    return _mean((y - p) ** 2, weight)


def ece(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean distance between predicted and observed rate, over tenths by prediction.

    Equal predictions share the bin that their middle falls into. It is above zero even for a
    perfect model: compare with `random_level_ece`. Nixon et al. (2019), CVPR workshops.
    """
    y, p, weight = _probabilities(y, prediction, weight)
    excess, total = _levels(p, weight * (p - y), weight)
    middle = np.cumsum(total) - total / 2
    tenth = np.floor(10 * middle / np.sum(total)).astype(int)
    return _ratio(np.sum(np.abs(np.bincount(tenth, excess))), np.sum(total))


def lift_at_10(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the churn rate of the top tenth by prediction over that of all.

    Of rows tied at the boundary, or cut by it, the expected part counts.
    Neslin et al. (2006), Journal of Marketing Research 43(2).
    """
    y, prediction, weight = _binary(y, prediction, weight)
    return 10 * _top_tenth_share(y, prediction, weight)


# Of a value prediction.


def normalised_gini(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the Gini of the order by prediction over that of the perfect order.

    1 is the perfect order, 0 a random or a constant one, -1 the reverse. Taken as the covariance
    of value and rank, so that values may be negative and ties count by their mean rank.
    Frees, Meyers & Cummings (2011), JASA 106(495); Lerman & Yitzhaki (1984), Economics Letters 15.
    """
    y, prediction, weight = _columns(y, prediction, weight)
    value = weight * y
    found = np.sum(value * _midranks(prediction, weight))
    return _ratio(found, np.sum(value * _midranks(y, weight)))


def rmse(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the root of the mean squared error."""
    y, prediction, weight = _columns(y, prediction, weight)
    return float(np.sqrt(_mean((prediction - y) ** 2, weight)))


def mae(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the mean absolute error."""
    y, prediction, weight = _columns(y, prediction, weight)
    return _mean(np.abs(prediction - y), weight)


def spearman(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the correlation of the ranks, ties by their mean rank.

    Spearman (1904), American Journal of Psychology 15(1).
    """
    y, prediction, weight = _columns(y, prediction, weight)
    actual, predicted = (_midranks(column, weight) for column in (y, prediction))
    spread = np.sum(weight * actual**2) * np.sum(weight * predicted**2)
    return _ratio(np.sum(weight * actual * predicted), np.sqrt(spread))


def total_bias(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return by what share of the total value the predictions together exceed it."""
    y, prediction, weight = _columns(y, prediction, weight)
    return _ratio(np.sum(weight * (prediction - y)), np.abs(np.sum(weight * y)))


def top_tenth_share(y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None) -> float:
    """Return the share of the total value that the top tenth by prediction brought.

    Of rows tied at the boundary, or cut by it, the expected part counts; nan unless the total is
    positive.
    """
    return _top_tenth_share(*_columns(y, prediction, weight))


def unexplained_deviance(
    y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None = None
) -> float:
    """Return the part of Tweedie's deviance (power 1.5) that predictions leave: 1 is a constant's.

    It asks for order and level at once. Values below zero count as none; predictions must be
    positive. Jørgensen (1987), Exponential Dispersion Models, JRSS B 49(2).
    """
    y, prediction, weight = _columns(y, prediction, weight)
    y, prediction = np.maximum(y, 0.0), np.maximum(prediction, np.finfo(float).tiny)
    level = np.full_like(y, _mean(y, weight))
    if not level.any():
        return float("nan")
    left, whole = (
        np.sqrt(told) + y / np.sqrt(told) - 2 * np.sqrt(y) for told in (prediction, level)
    )
    return _ratio(np.sum(weight * left), np.sum(weight * whole))


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


def evaluate(
    metrics: Mapping[str, Metric], y: ArrayLike, prediction: ArrayLike
) -> dict[str, float]:
    """Return each metric by name, nan where it has no meaning."""
    return {name: metric(y, prediction) for name, metric in metrics.items()}


def bootstrap(
    metric: MetricFunction,
    y: ArrayLike,
    a: ArrayLike,
    groups: Iterable[Hashable],
    repeats: int = 500,
    seed: int = 0,
) -> Interval:
    """Return the metric of prediction `a` with its percentile interval.

    Whole customers are drawn, since a customer's rows (one a cut-off) resemble each other:
    `groups` says whose each row is. Draws where the metric has no meaning are left out.
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13; Field & Welsh (2007),
    JRSS B 69(3).
    """
    draws = [metric(y, a, weight) for weight in _resamples(groups, repeats, seed)]
    return _interval(metric(y, a, None), draws)


def paired_bootstrap(
    metric: MetricFunction,
    y: ArrayLike,
    a: ArrayLike,
    b: ArrayLike,
    groups: Iterable[Hashable],
    repeats: int = 500,
    seed: int = 0,
) -> Interval:
    """Return metric(b) - metric(a) with its percentile interval, both on the same draws.

    See `bootstrap`; a pair shares the luck of the draw, so the interval is far narrower than the
    two of its own.
    """
    draws = [
        metric(y, b, weight) - metric(y, a, weight) for weight in _resamples(groups, repeats, seed)
    ]
    return _interval(metric(y, b, None) - metric(y, a, None), draws)


def random_level_ece(p: ArrayLike, repeats: int = 200, seed: int = 0) -> float:
    """Return the ECE that chance alone gives these predictions if they are perfectly calibrated.

    The mean over outcomes drawn from them: Bröcker & Smith (2007), Weather and Forecasting 22(3).
    """
    p, rng = np.asarray(p, float), np.random.default_rng(seed)
    return float(np.mean([ece(rng.random(p.shape) < p, p) for _ in range(repeats)]))


def _resamples(groups: Iterable[Hashable], repeats: int, seed: int) -> Iterator[Array]:
    """Yield how often each row counts when as many customers as there are get drawn."""
    codes: dict[Hashable, int] = {}
    code = np.array([codes.setdefault(group, len(codes)) for group in groups], dtype=int)
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        drawn = rng.integers(0, len(codes), len(codes))
        yield np.bincount(drawn, minlength=len(codes))[code].astype(float)


def _interval(estimate: float, draws: list[float]) -> Interval:
    known = [draw for draw in draws if not np.isnan(draw)]
    low, high = np.quantile(known, [0.025, 0.975]) if known else (np.nan, np.nan)
    return Interval(float(estimate), float(low), float(high))


def _levels(prediction: Array, *columns: Array) -> tuple[Array, ...]:
    """Sum each column over each distinct prediction, lowest first."""
    order, starts = _ties(prediction)
    return tuple(np.add.reduceat(column[order], starts) for column in columns)


def _midranks(values: Array, weight: Array) -> Array:
    """Return each value's mean rank among its ties, from the middle: 0 if all are equal."""
    order, starts = _ties(values)
    total = np.add.reduceat(weight[order], starts)
    reached = np.cumsum(total)
    ranks = np.empty_like(values)
    ranks[order] = np.repeat(reached - total / 2, np.diff(starts, append=len(values)))
    return ranks - reached[-1:] / 2


def _ties(values: Array) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return the rising order, and where in it each distinct value starts."""
    order = np.argsort(values, kind="stable")
    rising = values[order]
    new = np.ones(len(values), bool)
    new[1:] = rising[1:] != rising[:-1]
    return order, np.flatnonzero(new)


def _top_tenth_share(y: Array, prediction: Array, weight: Array) -> float:
    value, total = (level[::-1] for level in _levels(prediction, weight * y, weight))
    room = np.sum(weight) / 10 - (np.cumsum(total) - total)
    caught = np.sum(value * np.clip(room / total, 0, 1))
    return _ratio(caught, np.maximum(np.sum(value), 0))


def _mean(values: Array, weight: Array) -> float:
    return _ratio(np.sum(weight * values), np.sum(weight))


def _ratio(part: np.floating, whole: np.floating) -> float:
    return float(part / whole) if whole != 0 else float("nan")


def _columns(
    y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    """Return the rows that count, as floats."""
    y, prediction = np.asarray(y, float), np.asarray(prediction, float)
    weight = np.ones_like(y) if weight is None else np.asarray(weight, float)
    if not (y.ndim == 1 and y.shape == prediction.shape == weight.shape):
        raise ValueError(
            "y, prediction and weight must be columns of one length, got "
            f"{y.shape}, {prediction.shape} and {weight.shape}: give one value a row"
        )
    if not (np.isfinite(y).all() and np.isfinite(prediction).all() and (weight >= 0).all()):
        raise ValueError(
            "y and prediction must be finite and weights >= 0, got others: "
            "leave out the rows without a label or a score"
        )
    counts = weight > 0
    return y[counts], prediction[counts], weight[counts]


def _binary(
    y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    y, prediction, weight = _columns(y, prediction, weight)
    other = y[(y != 0) & (y != 1)]
    if other.size:
        raise ValueError(f"y must be 0 or 1, got {other[0]}: give churned as a flag")
    return y, prediction, weight


def _probabilities(
    y: ArrayLike, prediction: ArrayLike, weight: ArrayLike | None
) -> tuple[Array, Array, Array]:
    y, prediction, weight = _binary(y, prediction, weight)
    other = prediction[(prediction < 0) | (prediction > 1)]
    if other.size:
        raise ValueError(f"a probability must be within 0 and 1, got {other[0]}: calibrate first")
    return y, prediction, weight
