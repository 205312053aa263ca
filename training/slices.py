"""How well a model serves each kind of customer: slices of the test's rows, with their figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

from configs.schema import Attribute, Config
from features.protected import protected, protected_attributes
from features.schema import FeatureColumn
from features.source import Tables
from training.bootstrap import Interval, Sample, percentiles, resampled
from training.metrics import LEVEL_METRICS, Metric
from training.split import Examples, Split

TENURES = ("tenure", "subscription_tenure")
VALUES = ("spend_ever", "mrr")
EDGES: Mapping[str, tuple[int, ...]] = {"days": (90, 180, 365, 730), "months": (3, 6, 12, 24)}
"""Where tenures are cut, by their unit; others at their quarters."""

NEW = 90
"""A customer is new for so many days after the first purchase."""

MOST_CATEGORIES = 12
"""An attribute's rarer categories stand together."""

NOT_KNOWN = "not known"


@dataclass(frozen=True)
class Grouping:
    """One way to cut the test's rows into slices.

    Parameters
    ----------
    by, label : str
        The name, and in words.
    names : tuple of str
        Of the slices, in the order to show them.
    number : ndarray of int, shape (rows,)
        Each row's slice.
    """

    by: str
    label: str
    names: tuple[str, ...]
    number: np.ndarray


@dataclass(frozen=True)
class Group:
    """One slice with its figures.

    Parameters
    ----------
    name : str
    customers, positives : int
        Of whom so many left, or brought something.
    figures : mapping of str to Interval
        By metric with 95 % intervals; empty where the slice is too small to say.
    excess_error : float
        The standard error of the mean prediction's excess; nan where the slice is too small.
    """

    name: str
    customers: int
    positives: int
    figures: Mapping[str, Interval]
    excess_error: float


@dataclass(frozen=True)
class Slices:
    """The slices of one grouping."""

    by: str
    label: str
    groups: tuple[Group, ...]


def groupings(config: Config, tables: Tables, data: Split) -> tuple[Grouping, ...]:
    """Return the ways to cut the test's rows that its features and attributes allow.

    By tenure, by tenth of the value so far, new and one-order customers, and by each protected
    attribute, whether models see it or not.
    """
    found = [*_by_features(config, data), *_by_protected(config, tables, data.test)]
    return tuple(each for each in found if len(set(each.number)) > 1)


def measure(
    groupings: Iterable[Grouping],
    test: Examples,
    prediction: np.ndarray,
    metrics: Mapping[str, Metric],
    *,
    customers: int,
    outcomes: int,
    repeats: int,
    seed: int,
) -> tuple[Slices, ...]:
    """Measure a model's predictions of the test's rows, slice by slice.

    Parameters
    ----------
    groupings : iterable of Grouping
    test : Examples
    prediction : ndarray, shape (rows,)
    metrics : mapping of str to Metric
        Besides the means of prediction and outcome.
    customers, outcomes : int
        The fewest customers, and the fewest of one outcome, that a slice has figures of. A value
        has one outcome, that it is above 0; churn has two.
    repeats : int
        Bootstrap draws of customers behind an interval.
    seed : int
    """
    cut = list(groupings)
    binary = bool(np.isin(test.target, (0.0, 1.0)).all())
    asked = {**metrics, **LEVEL_METRICS}
    parts = [
        (each, number, np.flatnonzero(each.number == number))
        for each in cut
        for number in sorted(set(each.number))
    ]
    told = [_large_enough(test, rows, customers, outcomes, both=binary) for *_, rows in parts]
    samples = [
        Sample(asked, test.target, prediction, rows)
        for (*_, rows), enough in zip(parts, told, strict=True)
        if enough
    ]
    drawn = iter(resampled(samples, test.customers, repeats, seed))
    frames = {each.by: _frame(each, test, prediction, asked) for each in cut}
    groups: dict[str, list[Group]] = {each.by: [] for each in cut}
    for (each, number, rows), enough in zip(parts, told, strict=True):
        values = frames[each.by].loc[number] if enough else {}
        draws = next(drawn) if enough else {}
        groups[each.by].append(
            Group(
                each.names[number],
                len(set(test.customers[rows])),
                int(np.sum(test.target[rows] > 0)),
                {name: percentiles(float(values[name]), draws[name]) for name in draws},
                float(np.nanstd(draws["mean_excess"])) if enough else float("nan"),
            )
        )
    return tuple(Slices(each.by, each.label, tuple(groups[each.by])) for each in cut)


def _frame(
    grouping: Grouping, test: Examples, prediction: np.ndarray, metrics: Mapping[str, Metric]
) -> pd.DataFrame:
    """Return each metric by the number of the slice."""
    found = MetricFrame(
        metrics={name: metric.function for name, metric in metrics.items()},
        y_true=test.target,
        y_pred=prediction,
        sensitive_features=grouping.number,
    )
    return found.by_group


def _large_enough(
    test: Examples, rows: np.ndarray, customers: int, outcomes: int, *, both: bool
) -> bool:
    positive = int(np.sum(test.target[rows] > 0))
    fewest = min(positive, len(rows) - positive) if both else positive
    return len(set(test.customers[rows])) >= customers and fewest >= outcomes


# The ways to cut.


def _by_features(config: Config, data: Split) -> Iterable[Grouping]:
    """Yield the groupings that what is known of every customer allows."""
    held = {
        column.name: (column, data.test.matrix[:, index])
        for index, column in enumerate(data.schema.columns)
    }
    for name in TENURES:
        if name in held:
            yield by_tenure(*held[name])
            break
    money = [name for name, (column, _) in held.items() if column.unit == config.currency]
    for name in [*VALUES, *money]:
        if name in held:
            column, values = held[name]
            yield by_tenth(column.name, f"Tenth by {column.label}", values)
            break
    if {"purchase_days", "tenure"} <= set(held):
        yield by_newness(held["purchase_days"][1], held["tenure"][1])


def by_tenure(column: FeatureColumn, values: np.ndarray) -> Grouping:
    """Cut by how long customers have been customers."""
    label = column.label[:1].upper() + column.label[1:]
    if column.unit not in EDGES:
        return by_quarter("tenure", label, values)
    edges = EDGES[column.unit]
    names = [
        f"under {edges[0]} {column.unit}",
        *(f"{low} to {high - 1} {column.unit}" for low, high in pairwise(edges)),
        f"{edges[-1]} {column.unit} or more",
    ]
    return _numbered("tenure", label, names, values, np.searchsorted(edges, values, side="right"))


def by_tenth(by: str, label: str, values: np.ndarray) -> Grouping:
    """Cut into tenths by rank, the lowest first; equal values stay together."""
    names = ["lowest tenth", *(f"tenth {number}" for number in range(2, 10)), "highest tenth"]
    return _numbered(by, label, names, values, _quantile(values, 10))


def by_quarter(by: str, label: str, values: np.ndarray) -> Grouping:
    """Cut into quarters by rank, each named for its least and greatest value."""
    number = _quantile(values, 4)
    names = []
    for quarter in range(4):
        inside = values[(number == quarter) & ~np.isnan(values)]
        names.append(f"{inside.min():,.6g} to {inside.max():,.6g}" if len(inside) else "nobody")
    return _numbered(by, label, names, values, number)


def by_newness(purchase_days: np.ndarray, tenure: np.ndarray) -> Grouping:
    """Cut by whether the customer is new, and has bought more than once."""
    names = [
        f"one order, new (first bought within {NEW} days)",
        "one order, longer ago",
        "several orders, new",
        "several orders, longer known",
    ]
    number = 2 * (purchase_days > 1) + (tenure > NEW)
    known = np.where(np.isnan(tenure), np.nan, purchase_days)
    return _numbered("orders", "New and one-order customers", names, known, number)


def by_category(by: str, label: str, values: Sequence[Any]) -> Grouping:
    """Cut by a category, the rarest of many together; the most usual first."""
    counts = pd.Series(list(values), dtype=object).value_counts()
    order = sorted(counts.index, key=lambda name: (-counts[name], name))
    rest = len(order) > MOST_CATEGORIES
    kept = order[: MOST_CATEGORIES - 1] if rest else order
    at = {name: number for number, name in enumerate(kept)}
    number = np.array([at.get(value, len(kept)) for value in values])
    missing = np.array([np.nan if pd.isna(value) else 0.0 for value in values])
    return _numbered(by, label, [*kept, *(["all others"] if rest else [])], missing, number)


def _by_protected(config: Config, tables: Tables, test: Examples) -> Iterable[Grouping]:
    """Yield a grouping for each protected attribute."""
    asked = protected_attributes(config)
    if not asked:
        return
    keys = pd.DataFrame({"as_of": test.as_of, "customer_id": test.customers})
    found = protected(config, tables, sorted(set(test.as_of)))
    beside = keys.merge(found, how="left", on=["as_of", "customer_id"])
    for name, attribute in asked.items():
        yield _by_attribute(name, attribute, beside[name])


def _by_attribute(name: str, attribute: Attribute, values: pd.Series) -> Grouping:
    label = (attribute.label or name.replace("_", " ")).capitalize()
    if attribute.kind == "category":
        return by_category(name, label, values.tolist())
    numbers = values.to_numpy(float)
    if attribute.kind == "flag":
        said = [None if np.isnan(each) else "yes" if each else "no" for each in numbers]
        return by_category(name, label, said)
    return by_quarter(name, label, numbers)


def _quantile(values: np.ndarray, parts: int) -> np.ndarray:
    """Return which of equally many-sized parts each value's mean rank lies in."""
    ranks = pd.Series(values).rank(method="average", pct=False).to_numpy()
    known = max(1, int(np.sum(~np.isnan(values))))
    return np.clip(np.floor(parts * (ranks - 0.5) / known), 0, parts - 1)


def _numbered(
    by: str, label: str, names: Sequence[str], values: np.ndarray, number: np.ndarray
) -> Grouping:
    """Return a grouping in which rows whose value is missing stand last, together."""
    missing = np.isnan(values)
    whole = np.where(missing, len(names), number).astype(int)
    return Grouping(by, label, (*names, NOT_KNOWN), whole)
