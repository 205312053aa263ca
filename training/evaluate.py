"""What each contender's predictions were worth on the later period, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.baselines import Contender
from training.metrics import Interval, Metric, bootstrap, evaluate, paired_bootstrap
from training.split import Examples


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
    values : mapping of str to mapping
        By contender and metric.
    intervals : mapping of str to Interval
        95 % of the deciding metric, by contender.
    gains : mapping of str to Interval
        How much better the candidate is than each other contender in the deciding metric, with
        its 95 % paired bootstrap interval by customer; above 0 is better.
    deciding : str
        The metric that the gate compares.
    """

    contenders: tuple[Contender, ...]
    metrics: Mapping[str, Metric]
    predictions: Mapping[str, np.ndarray]
    values: Mapping[str, Mapping[str, float]]
    intervals: Mapping[str, Interval]
    gains: Mapping[str, Interval]
    deciding: str

    @property
    def candidate(self) -> Contender:
        """The contender that was tuned."""
        return self.contenders[0]

    def named(self, name: str) -> Contender:
        """Return a contender by its model's name."""
        return next(held for held in self.contenders if held.name == name)

    def gain(self, name: str, over: str, test: Examples, repeats: int, seed: int) -> Interval:
        """Return how much better one contender is than another, above 0 is better."""
        return _gain(
            self.metrics[self.deciding],
            test,
            self.predictions[over],
            self.predictions[name],
            repeats,
            seed,
        )


def compare(
    contenders: Sequence[Contender],
    test: Examples,
    metrics: Mapping[str, Metric],
    deciding: str,
    *,
    repeats: int,
    seed: int,
) -> Evaluation:
    """Measure every contender on the same rows of the later period."""
    metric = metrics[deciding]
    predictions = {held.name: held.model.predict(test.matrix) for held in contenders}
    first = contenders[0].name
    return Evaluation(
        contenders=tuple(contenders),
        metrics=metrics,
        predictions=predictions,
        values={name: evaluate(metrics, test.target, made) for name, made in predictions.items()},
        intervals={
            name: bootstrap(metric, test.target, made, test.customers, repeats=repeats, seed=seed)
            for name, made in predictions.items()
        },
        gains={
            name: _gain(metric, test, made, predictions[first], repeats, seed)
            for name, made in predictions.items()
            if name != first
        },
        deciding=deciding,
    )


def _gain(
    metric: Metric,
    test: Examples,
    a: np.ndarray,
    b: np.ndarray,
    repeats: int,
    seed: int,
) -> Interval:
    found = paired_bootstrap(metric, test.target, a, b, test.customers, repeats=repeats, seed=seed)
    if metric.higher_is_better:
        return found
    return Interval(-found.estimate, -found.high, -found.low)
