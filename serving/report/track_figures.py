"""What predictions were worth, once it is known what happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import fsum
from typing import Any

import numpy as np

from configs.schema import Config
from features.figures.withheld import withheld
from training.bootstrap import Sample, percentiles, resampled
from training.metrics import CHURN_METRICS, VALUE_METRICS, Metric
from training.model import Model

OF_CHURN = ("roc_auc", "log_loss", "ece", "lift_at_10")
OF_VALUE = ("normalised_gini", "total_bias", "spearman")

REPEATS = 200
"""Bootstrap draws: enough for two figures of an interval's ends."""

MOST_DRAWN = 20_000
"""Customers in a draw: of more, so many are drawn, and what they vary is scaled down."""

_BANDS = ("low", "middle", "high")
_PARTS = 10


def churn_figures(config: Config, told: np.ndarray, left: np.ndarray) -> dict[str, Any]:
    """Return what probabilities of leaving were worth, of who left (1) and who did not (0).

    Returns
    -------
    dict
        ``metrics``, ``expected``, ``actual``, ``groups`` and ``bands``, as in a
        `track_record.Record`.
    """
    band = np.searchsorted(np.asarray(config.serving.bands), told, side="right")
    least = config.report.least
    return {
        "metrics": _metrics([CHURN_METRICS[name] for name in OF_CHURN], left, told, config.seed),
        "expected": fsum(told),
        "actual": int(left.sum()),
        "groups": _groups(told, left, least),
        "bands": _bands(told, left, band, least),
    }


def value_figures(
    config: Config, model: Model, told: np.ndarray, came: np.ndarray
) -> dict[str, Any]:
    """Return what lifetime values were worth, of the money that came.

    Returns
    -------
    dict
        ``metrics``, ``expected``, ``actual``, ``groups`` and ``coverage``, as in a
        `track_record.Record`.
    """
    return {
        "metrics": _metrics([VALUE_METRICS[name] for name in OF_VALUE], came, told, config.seed),
        "expected": fsum(told),
        "actual": fsum(came),
        "groups": _groups(told, came, config.report.least),
        "coverage": _coverage(model, told, came),
    }


def _metrics(
    metrics: Sequence[Metric], actual: np.ndarray, told: np.ndarray, seed: int
) -> list[dict[str, Any]]:
    by_name = {metric.name: metric for metric in metrics}
    whole = Sample(by_name, actual, told).values()
    drawn = draws(by_name, actual, told, seed)
    return [
        {
            "name": metric.name,
            "label": metric.label,
            "unit": metric.unit,
            "higher_is_better": metric.higher_is_better,
            **{
                end: None if np.isnan(value) else value
                for end, value in zip(
                    ("value", "low", "high"),
                    vars(percentiles(whole[metric.name], drawn[metric.name])).values(),
                    strict=True,
                )
            },
        }
        for metric in metrics
    ]


def draws(
    metrics: Mapping[str, Metric], actual: np.ndarray, told: np.ndarray, seed: int
) -> dict[str, np.ndarray]:
    """Return each metric on draws of customers.

    Of a large base, the draws are of some of its customers. What a metric varies by shrinks as
    the root of their number: the m out of n bootstrap (Bickel, Götze & van Zwet 1997, Statistica
    Sinica 7(1)).
    """
    everybody = len(told)
    some = np.arange(everybody)
    if everybody > MOST_DRAWN:
        some = np.sort(np.random.default_rng(seed).choice(everybody, MOST_DRAWN, replace=False))
    sample = Sample(metrics, actual[some], told[some])
    (drawn,) = resampled([sample], range(len(some)), REPEATS, seed)
    if len(some) == everybody:
        return drawn
    whole, part = Sample(metrics, actual, told).values(), sample.values()
    scale = np.sqrt(len(some) / everybody)
    return {name: whole[name] + (held - part[name]) * scale for name, held in drawn.items()}


def _groups(told: np.ndarray, actual: np.ndarray, least: int) -> list[dict[str, Any]]:
    """Return parts of equal size by rising prediction: ten, or fewer of a small base."""
    parts = max(1, min(_PARTS, len(told) // max(1, least)))
    order = np.argsort(told, kind="stable")
    return [
        {"part": number, **_means(told[rows], actual[rows])}
        for number, rows in enumerate(np.array_split(order, parts), start=1)
    ]


def _bands(
    told: np.ndarray, left: np.ndarray, band: np.ndarray, least: int
) -> list[dict[str, Any]]:
    counts = np.bincount(band, minlength=len(_BANDS))
    hidden = withheld(counts, least)
    none = dict.fromkeys(("customers", "predicted", "actual"))
    return [
        {
            "band": name,
            "withheld": bool(hidden[place]),
            **(none if hidden[place] else _means(told[band == place], left[band == place])),
        }
        for place, name in enumerate(_BANDS)
    ]


def _means(told: np.ndarray, actual: np.ndarray) -> dict[str, Any]:
    count = len(told)
    if not count:
        return {"customers": 0, "predicted": None, "actual": None}
    return {"customers": count, "predicted": fsum(told) / count, "actual": fsum(actual) / count}


def _coverage(model: Model, told: np.ndarray, came: np.ndarray) -> list[dict[str, Any]]:
    found = []
    for level in model.intervals.reaches if model.intervals else ():
        low, high = model.intervals.around(told, level, model.floor).T  # type: ignore[union-attr]
        covered = float(np.mean((low <= came) & (came <= high)))
        found.append({"level": int(level), "covered": covered})
    return found
