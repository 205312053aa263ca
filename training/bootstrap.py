"""How sure a figure is: customers drawn again, and what the draws give.

Efron & Tibshirani (1993), An Introduction to the Bootstrap; whole customers are drawn, since rows
of one resemble each other (Field & Welsh 2007, JRSS B 69(3)).
"""

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.metrics import AT_ONCE, Array, Measure, evaluate


@dataclass(frozen=True)
class Interval:
    """An estimate and the 95 % interval around it."""

    estimate: float
    low: float
    high: float

    @property
    def clear(self) -> bool:
        """Whether it excludes zero, so that its sign is beyond doubt."""
        return self.low > 0 or self.high < 0


def bootstrap(
    metric: Measure,
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
    (found,) = resampled([Sample({"a": metric}, y, a)], groups, repeats, seed)
    return percentiles(metric(y, a), found["a"])


def paired_bootstrap(
    metric: Measure,
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
    samples = [Sample({"it": metric}, y, each) for each in (a, b)]
    of_a, of_b = resampled(samples, groups, repeats, seed)
    return percentiles(metric(y, b) - metric(y, a), of_b["it"] - of_a["it"])


@dataclass(frozen=True)
class Sample:
    """Rows to be measured: what came true of them, and what was predicted.

    Parameters
    ----------
    metrics : mapping of str to Measure
    y, prediction : array-like, shape (all rows,)
    rows : ndarray of int, optional
        Which of all rows; all unless given.
    """

    metrics: Mapping[str, Measure]
    y: ArrayLike
    prediction: ArrayLike
    rows: NDArray[np.intp] | None = None

    def values(self) -> dict[str, float]:
        """Return each metric of the rows, nan where it has no meaning."""
        return evaluate(self.metrics, *self._columns(self._rows()))

    def _rows(self) -> NDArray[np.intp]:
        return np.arange(np.size(self.y)) if self.rows is None else self.rows

    def _columns(self, rows: NDArray[np.intp]) -> tuple[Array, Array]:
        return np.asarray(self.y, float)[rows], np.asarray(self.prediction, float)[rows]

    def rising(self) -> tuple[NDArray[np.intp], Array, Array]:
        """Return the rows by rising prediction, and the columns in that order.

        Every ranking sorts, and what is sorted already sorts in no time.
        """
        rows = self._rows()
        order = rows[np.argsort(self._columns(rows)[1], kind="stable")]
        return order, *self._columns(order)


def resampled(
    samples: Sequence[Sample], groups: Iterable[Hashable], repeats: int, seed: int
) -> list[dict[str, Array]]:
    """Return every metric of every sample on each draw of customers, the same for all.

    Returns
    -------
    list of dict of str to ndarray, shape (repeats,)
        By sample and metric; draw i of one is draw i of any other, so their differences are
        paired. NaN where a metric has no meaning on a draw. A metric that drawing again raises is
        set back by as much, or its interval would lie above it (Efron & Tibshirani, chapter 10).
    """
    found: list[dict[str, list[Array]]] = [{name: [] for name in each.metrics} for each in samples]
    ready = [each.rising() for each in samples]
    for drawn in _resamples(groups, repeats, seed):
        for held, sample, (order, y, prediction) in zip(found, samples, ready, strict=True):
            weights = drawn[:, order]
            for name, metric in sample.metrics.items():
                held[name].append(metric.draws(y, prediction, weights))
    return [
        {name: _set_back(each, name, np.concatenate(part)) for name, part in held.items()}
        for each, held in zip(samples, found, strict=True)
    ]


def _set_back(sample: Sample, name: str, draws: Array) -> Array:
    if not sample.metrics[name].upward or np.isnan(draws).all():
        return draws
    return np.maximum(draws - np.nanmean(draws) + sample.values()[name], 0.0)


def percentiles(estimate: float, draws: Array) -> Interval:
    """Return an estimate with the 95 % percentile interval of its draws, nan left out."""
    known = draws[~np.isnan(draws)]
    low, high = np.quantile(known, [0.025, 0.975]) if known.size else (np.nan, np.nan)
    return Interval(float(estimate), float(low), float(high))


def _resamples(groups: Iterable[Hashable], repeats: int, seed: int) -> Iterator[Array]:
    """Yield how often each row counts when as many customers as there are get drawn.

    A block of draws at a time, shape (draws, rows), so that memory stays small.
    """
    codes: dict[Hashable, int] = {}
    code = np.array([codes.setdefault(group, len(codes)) for group in groups], dtype=int)
    rng = np.random.default_rng(seed)
    size = max(1, AT_ONCE // max(1, len(code)))
    for start in range(0, repeats, size):
        drawn = [rng.integers(0, len(codes), len(codes)) for _ in range(start, repeats)[:size]]
        counts = [np.bincount(each, minlength=len(codes))[code] for each in drawn]
        yield np.array(counts, dtype=float)
