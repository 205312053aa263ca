"""What each contender's predictions were worth on the later period, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial

import numpy as np

from training.baselines import Absent, Contender
from training.bootstrap import Interval, Sample, percentiles, resampled
from training.metrics import Metric
from training.split import Examples

Figures = Mapping[str, Mapping[str, Interval]]
"""Each metric with its 95 % interval, by contender and metric."""

Draws = Mapping[str, Mapping[str, np.ndarray]]
"""Each metric on every bootstrap draw of customers, by contender and metric."""

Measured = Mapping[str, tuple[Mapping[str, Interval], Mapping[str, np.ndarray]]]
"""Figures with the draws behind them, by contender."""


@dataclass(frozen=True)
class Evaluation:
    """The later period's figures.

    Parameters
    ----------
    contenders : tuple of Contender
        The candidate first.
    metrics : mapping of str to Metric
        What was measured.
    predictions : mapping of str to ndarray
        Each contender's served values of the test's rows.
    figures : mapping of str to mapping of str to Interval
        By contender and metric, with 95 % bootstrap intervals by customer.
    draws : mapping of str to mapping of str to ndarray
        The draws behind them, the same customers for all, so that differences are paired.
    deciding : str
        The metric that the gate compares.
    by_cutoff : mapping of date to mapping
        The figures of each test cut-off, where there are several.
    absent : tuple of Absent
        The baselines that could not be fitted.
    """

    contenders: tuple[Contender, ...]
    metrics: Mapping[str, Metric]
    predictions: Mapping[str, np.ndarray]
    figures: Figures
    draws: Draws
    deciding: str
    by_cutoff: Mapping[date, Figures]
    absent: tuple[Absent, ...] = ()

    @property
    def candidate(self) -> Contender:
        """The contender that was tuned."""
        return self.contenders[0]

    @property
    def values(self) -> dict[str, dict[str, float]]:
        """Each figure without its interval, by contender and metric."""
        return {
            name: {metric: found.estimate for metric, found in held.items()}
            for name, held in self.figures.items()
        }

    @property
    def gains(self) -> dict[str, Interval]:
        """How much better the candidate is than each other in the deciding metric."""
        others = (held.name for held in self.contenders[1:])
        return {name: self.gain(self.candidate.name, name) for name in others}

    def named(self, name: str) -> Contender:
        """Return a contender by its name."""
        return next(held for held in self.contenders if held.name == name)

    def gain(self, name: str, over: str, metric: str | None = None) -> Interval:
        """Return how much better one contender is than another, above 0 is better.

        In the deciding metric unless named, with the 95 % interval of the paired difference:
        better is beyond doubt where it lies above 0. Where the best figure is 0, nearer is better.
        """
        told = self.metrics[metric or self.deciding]
        mine, other = (self.figures[each][told.name].estimate for each in (name, over))
        drawn, of_other = (self.draws[each][told.name] for each in (name, over))
        return percentiles(
            float(told.worth(mine) - told.worth(other)), told.worth(drawn) - told.worth(of_other)
        )


def compare(
    contenders: Sequence[Contender | Absent],
    test: Examples,
    metrics: Mapping[str, Metric],
    deciding: str,
    *,
    repeats: int,
    seed: int,
) -> Evaluation:
    """Measure every contender on the same rows of the later period.

    Parameters
    ----------
    contenders : sequence of Contender or Absent
        The candidate first; baselines that could not be fitted are left out.
    test : Examples
        Of one cut-off or several.
    metrics : mapping of str to Metric
    deciding : str
    repeats : int
        Bootstrap draws of customers.
    seed : int
    """
    present = tuple(held for held in contenders if isinstance(held, Contender))
    predictions = {held.name: held.predict(test.matrix) for held in present}
    measured = partial(_measured, metrics, test, predictions, repeats=repeats, seed=seed)
    whole = measured()
    days = sorted(set(test.as_of))
    parts = {day: np.flatnonzero(test.as_of == day) for day in days} if len(days) > 1 else {}
    return Evaluation(
        contenders=present,
        metrics=metrics,
        predictions=predictions,
        figures=_figures(whole),
        draws={name: drawn for name, (_, drawn) in whole.items()},
        deciding=deciding,
        by_cutoff={day: _figures(measured(rows)) for day, rows in parts.items()},
        absent=tuple(held for held in contenders if isinstance(held, Absent)),
    )


def _figures(measured: Measured) -> Figures:
    return {name: figures for name, (figures, _) in measured.items()}


def _measured(
    metrics: Mapping[str, Metric],
    test: Examples,
    predictions: Mapping[str, np.ndarray],
    rows: np.ndarray | None = None,
    *,
    repeats: int,
    seed: int,
) -> Measured:
    """Return each contender's figures of some rows, or of all, with the draws behind them."""
    samples = [Sample(metrics, test.target, made, rows) for made in predictions.values()]
    drawn = resampled(samples, test.customers, repeats, seed)
    return {
        name: (figures_of(sample, each), each)
        for name, sample, each in zip(predictions, samples, drawn, strict=True)
    }


def figures_of(sample: Sample, drawn: Mapping[str, np.ndarray]) -> dict[str, Interval]:
    """Return a sample's metrics with the intervals of their draws."""
    return {name: percentiles(value, drawn[name]) for name, value in sample.values().items()}
