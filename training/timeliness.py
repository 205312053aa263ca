"""What churn's time was worth once the future is known."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from configs.schema import Config
from configs.tasks import Cancel, Lapse
from features.labels import first_purchase
from features.source import Tables, first_and_last_day
from training import metrics
from training.model import Model
from training.split import Examples, with_outcomes
from training.timing import Course

MEASURED = ("brier", "log_loss", "ece", "roc_auc")


def measure(config: Config, tables: Tables, model: Model, test: Examples) -> dict[str, Any]:
    """Return what a model's times of churn were worth on the rows of the test cut-off.

    Returns
    -------
    dict
        ``within``: for each of the days that the data reach, and for the horizon and its thirds,
        the mean chance told, the rate that came, and metrics of the one against the other.
        ``untested``: the days that the data do not reach. ``next_purchase``: of the customers
        whose date lies within the data, the share who had bought by it, beside the share expected
        (above a half, as a day may be more than enough); None where churn is cancelling. Nothing
        at all where the model tells no times.
    """
    churn, course = config.churn, model.course(test.matrix, model.predict(test.matrix))
    if course is None or not isinstance(churn, Lapse | Cancel):
        return {}
    reach = _reach(config, tables, test)
    thirds = (churn.horizon // 3, 2 * churn.horizon // 3, churn.horizon)
    days = sorted({day for day in (*churn.within, *thirds) if 0 < day <= reach})
    return {
        "within": [_measured(config, tables, churn, test, course, day) for day in days],
        "untested": [day for day in churn.within if day > reach],
        "next_purchase": _dates(config, tables, test, course, reach),
    }


def _reach(config: Config, tables: Tables, test: Examples) -> int:
    """Return how many days after the cut-off the data tell of."""
    last = config.timeline.last or first_and_last_day(tables)[1]
    return (last - max(test.as_of)).days + 1 - config.timeline.gap


def _measured(
    config: Config, tables: Tables, churn: Lapse | Cancel, test: Examples, course: Course, days: int
) -> dict[str, Any]:
    task = churn.model_copy(update={"horizon": days})
    actual = with_outcomes(config, tables, task, test).target
    told = course.within(days)
    found = {name: metrics.CHURN_METRICS[name](actual, told) for name in MEASURED}
    return {
        "days": days,
        "customers": len(test),
        "predicted": float(np.mean(told)),
        "actual": float(np.mean(actual)),
        **{name: value if np.isfinite(value) else None for name, value in found.items()},
    }


def _dates(
    config: Config, tables: Tables, test: Examples, course: Course, reach: int
) -> Mapping[str, Any] | None:
    due = course.next_purchase()
    if due is None:
        return None
    bought = first_purchase(config, tables, sorted(set(test.as_of)), reach)
    keys = pd.DataFrame({"as_of": test.as_of, "customer_id": test.customers})
    after = keys.merge(bought, how="left", on=list(keys.columns))["after"].to_numpy(float)
    within = due <= reach
    expected = 1 - course.within(np.where(within, due, 1.0))
    return {
        "customers": int(within.sum()),
        "bought_by_then": _mean((after < due)[within]),
        "expected": _mean(expected[within]),
    }


def _mean(values: np.ndarray) -> float | None:
    return float(np.mean(values)) if len(values) else None
