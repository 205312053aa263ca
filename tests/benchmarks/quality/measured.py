"""A row of the table: every contender on the same customers, and what it was worth."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from configs.schema import Config
from tests.benchmarks.quality import histories
from tests.benchmarks.quality.ours import Served, stamkunde
from tests.benchmarks.quality.peers import peers
from tests.benchmarks.quality.rows import Case, Row, cases
from training import metrics
from training.bootstrap import Interval, bootstrap, paired_bootstrap
from training.metrics import Metric

OURS = "Stamkunde"
REPEATS = 500
LEVELS = (80, 95)
EVERYBODY, ONE_ORDER = "all customers", "one-order customers"

MEASURED: Mapping[str, Sequence[Metric]] = {
    "churn": [metrics.CHURN_METRICS[name] for name in ("roc_auc", "log_loss", "ece")],
    "clv": [metrics.VALUE_METRICS[name] for name in ("normalised_gini", "rmse", "total_bias")],
}
"""By task: the ranking, the error, and how far the level is off."""


def measure(row: Row, config: Config, minutes: float) -> dict[str, Any]:
    """Run every contender on a row's cases, and compare what they predict.

    Returns
    -------
    dict
        As JSON holds it. ``contenders`` by name: ``seconds`` (of all folds), ``values`` with 95 %
        intervals by metric, and ``gains``, how much better Stamkunde is than that one.
    """
    predictions, served, seconds, bootstrapped = [], [], {}, []
    for case in cases(row, config):
        columns = {"customer_id": case.split.test.customers, "actual": case.split.test.target}
        ours = _timed(seconds, OURS, case, partial(stamkunde, minutes=minutes))
        served.append(ours)
        columns[OURS] = ours.prediction
        for name, peer in peers(case, minutes).items():
            columns[name] = _timed(seconds, name, case, peer)
        predictions.append(pd.DataFrame(columns))
        if row.task == "clv":
            bootstrapped = bootstrap_coverage(case)
    made = pd.concat(predictions, ignore_index=True)
    return {
        "row": row.name,
        "told": row.told,
        "task": row.task,
        "customers": len(made),
        "positives": int((made["actual"] > 0).sum()),
        "served": [held.model for held in served],
        "tuning": _tuning(served),
        "coverage": served[0].coverage,
        "bootstrap": bootstrapped,
        "contenders": compared(made, MEASURED[row.task], seconds, config.seed),
        "reach": dict(row.reach),
    }


def _timed(seconds: dict[str, float], name: str, case: Case, work: Callable[[Case], Any]) -> Any:
    fold = "" if case.fold is None else f", fold {case.fold}"
    sys.stderr.write(f"{case.row.name}{fold}: {name}\n")
    begun = time.perf_counter()
    found = work(case)
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - begun
    return found


def _tuning(served: Sequence[Served]) -> float | None:
    told = [held.tuning for held in served if held.tuning is not None]
    return float(np.mean(told)) if told else None


def compared(
    made: pd.DataFrame, asked: Sequence[Metric], seconds: Mapping[str, float], seed: int
) -> dict[str, dict[str, Any]]:
    """Return each contender's figures, and Stamkunde's gains on it by paired bootstrap.

    Parameters
    ----------
    made : DataFrame
        ``customer_id``, ``actual``, and a column a contender.
    asked : sequence of Metric
    seconds : mapping of str to float
    seed : int
    """
    actual, who = made["actual"].to_numpy(), made["customer_id"].to_numpy()
    found: dict[str, dict[str, Any]] = {}
    for name in made.columns.drop(["customer_id", "actual"]):
        held = made[name].to_numpy(float)
        found[name] = {
            "seconds": seconds[name],
            "values": {
                metric.name: asdict(bootstrap(metric, actual, held, who, REPEATS, seed))
                for metric in asked
            },
            "gains": {
                metric.name: asdict(_gain(metric, made, name, seed))
                for metric in asked
                if name != OURS and metric.higher_is_better is not None
            },
        }
    return found


def _gain(metric: Metric, made: pd.DataFrame, over: str, seed: int) -> Interval:
    """Return how much better Stamkunde is than another; above 0 is better."""
    actual, who, ours, theirs = (made[c].to_numpy() for c in ("actual", "customer_id", OURS, over))
    pair = (theirs, ours) if metric.higher_is_better else (ours, theirs)
    return paired_bootstrap(metric, actual, *pair, who, REPEATS, seed)


def bootstrap_coverage(case: Case) -> list[dict[str, Any]]:
    """Return what BG/NBD × Gamma-Gamma's bootstrapped intervals cover, and how wide they are."""
    if case.histories is None:
        return []
    test = case.split.test
    found = histories.bootstrapped(
        case.histories, test.customers, case.horizon, LEVELS, case.config.seed
    )
    once = case.histories.of(test.customers).frequency == 0
    groups = {EVERYBODY: np.ones(len(test), bool), ONE_ORDER: once}
    return [
        {"level": level, "who": who, **covered(test.target[rows], ends[rows])}
        for level, ends in found.items()
        for who, rows in groups.items()
    ]


def covered(actual: np.ndarray, ends: np.ndarray) -> dict[str, Any]:
    """Return how many intervals there are, what part holds its outcome, and their mean width."""
    holds = (ends[:, 0] <= actual) & (actual <= ends[:, 1])
    return {
        "customers": len(actual),
        "covered": float(holds.mean()) if len(actual) else None,
        "width": float((ends[:, 1] - ends[:, 0]).mean()) if len(actual) else None,
    }
