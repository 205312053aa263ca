"""What a metric is expected to be, before anybody knows what happens.

Confidence-based performance estimation (CBPE), as NannyML describes it
(https://nannyml.readthedocs.io/en/stable/how_it_works/performance_estimation.html): a probability
that is calibrated says itself how often it will be right. It is right as long as what features say
of the outcome stays as it was in training; it cannot notice that this has changed.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from training.bootstrap import Interval, percentiles
from training.metrics import AT_ONCE, Metric

CANNOT = frozenset({"ece"})
"""The metrics that have no estimate: it takes for granted what they would measure."""

REPEATS = 200
MOST = 20_000
"""Customers whose outcomes are drawn: of more there are as many draws of some of them."""


def estimate(
    metrics: Mapping[str, Metric], probability: np.ndarray, seed: int
) -> dict[str, Interval]:
    """Return what each metric of churn is expected to be if the probabilities hold.

    A customer of probability p is p of one who leaves and 1 − p of one who stays: the metric of
    these, by weight, is that of the expected confusion matrix at every threshold. The interval is
    of outcomes drawn by the probabilities: where the true figure will lie 95 times in 100.

    Parameters
    ----------
    metrics : mapping of str to Metric
        Those of `CANNOT` are left out.
    probability : ndarray, shape (customers,)
        Calibrated.
    seed : int
    """
    told = {name: metric for name, metric in metrics.items() if name not in CANNOT}
    drawn = _drawn(told, probability, seed)
    return {
        name: percentiles(_expected(metric, probability), drawn[name])
        for name, metric in told.items()
    }


def _expected(metric: Metric, p: np.ndarray) -> float:
    both = np.concatenate((np.ones(len(p)), np.zeros(len(p))))
    return metric(both, np.concatenate((p, p)), np.concatenate((p, 1 - p)))


def _drawn(metrics: Mapping[str, Metric], p: np.ndarray, seed: int) -> dict[str, np.ndarray]:
    """Return each metric on outcomes drawn by the probabilities.

    Of some customers alone, what a metric varies by is scaled to that of all, as the root of their
    number: the m out of n bootstrap (Bickel, Götze & van Zwet 1997, Statistica Sinica 7(1)).
    """
    rng = np.random.default_rng(seed)
    some = np.sort(p if len(p) <= MOST else rng.choice(p, MOST, replace=False))
    both = np.tile([1.0, 0.0], len(some))
    twice = np.repeat(some, 2)
    size = max(1, AT_ONCE // max(1, len(twice)))
    found: dict[str, list[np.ndarray]] = {name: [] for name in metrics}
    for start in range(0, REPEATS, size):
        left = rng.random((min(size, REPEATS - start), len(some))) < some
        weights = np.stack((left, ~left), axis=-1).reshape(len(left), -1).astype(float)
        for name, metric in metrics.items():
            found[name].append(metric.draws(both, twice, weights))
    drawn = {name: np.concatenate(held) for name, held in found.items()}
    if len(some) == len(p):
        return drawn
    scale = np.sqrt(len(some) / len(p))
    return {
        name: _expected(metric, p) + (drawn[name] - _expected(metric, some)) * scale
        for name, metric in metrics.items()
    }
