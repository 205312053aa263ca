"""Columns that know the answer: what the user brought without a time is held against it.

Features that are built as of a date are safe by construction. An attribute without a time is not:
it may have been written after the outcome. One that gives the answer on customers held out, by its
value or by being missing, or without which a good model falls to pieces, is a leak (Kaufman et al.
2012, ACM TKDD 6(4)).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import pandas as pd
import xgboost as xgb
from sklearn.model_selection import GroupKFold
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

from configs.errors import StamkundeError
from configs.schema import Config, Leakage
from configs.tasks import Label
from features.catalogue import SIGNED_UP
from features.findings.finding import Finding
from features.schema import FeatureColumn, FeatureSchema
from features.source import Tables
from training.metrics import normalised_gini, roc_auc
from training.model import Task
from training.predictors import feature_types
from training.split import Examples, Split, split_by_strata

Way = Literal["value", "missing", "removal"]

MOST_ROWS = 20_000
"""The most rows that are looked at: a leak shows on fewer."""

FOLDS = 3
LEAVES = 32
FEWEST_IN_LEAF = 20
PRIOR_ROWS = 10.0
"""How many rows of the average a category's mean is drawn in with (Micci-Barreca 2001)."""

MOST_REMOVED = 5
"""How many columns are taken away, alone and together, to see whether the model stands."""

CHEAP = {"max_depth": 3, "learning_rate": 0.3, "tree_method": "hist", "verbosity": 0}
ROUNDS = 40


class LeakageError(StamkundeError, ValueError):
    """An attribute that nearly gives the answer, and is not waived."""


@dataclass(frozen=True)
class Reading:
    """What a column says of the answer, on customers held out.

    Parameters
    ----------
    column, label : str
        Its name in the config, and in words.
    way : {"value", "missing", "removal"}
        Whether it says it alone, by its value or by being missing; or how far a model that sees
        all falls without it.
    measure : str
        What the value is of, such as ``ROC-AUC``.
    value : float
        Of ``removal``, the fall.
    bound : float
        From which on it is a leak.
    """

    column: str
    label: str
    way: Way
    measure: str
    value: float
    bound: float

    @property
    def is_leak(self) -> bool:
        """Whether it reaches the bound."""
        return self.value >= self.bound


@dataclass(frozen=True)
class Leak(Reading):
    """A reading that reaches its bound.

    Parameters
    ----------
    waived : str, optional
        Why the config lets it pass.
    """

    waived: str | None = None


@dataclass(frozen=True)
class Measure:
    """How well an order tells the answer, and how well one column alone may."""

    name: str
    bound: float
    is_of_value: bool

    def __call__(self, target: np.ndarray, order: np.ndarray) -> float:
        """Return it, nan where it has no meaning."""
        if self.is_of_value:
            return normalised_gini(target, order)
        return roc_auc((target > 0).astype(float), order)

    def either_way(self, target: np.ndarray, order: np.ndarray) -> float:
        """Return it of the order or of its reverse, whichever tells more."""
        forward = self(target, order)
        return max(forward, -forward if self.is_of_value else 1.0 - forward)


def measures(task: Task, bounds: Leakage) -> tuple[Measure, ...]:
    """Return what an attribute is held against: of a value, how much and whether any."""
    if task == "clv":
        return (
            Measure("normalised Gini", bounds.alone_gini, True),
            Measure("ROC-AUC of any value at all", bounds.alone_auc, False),
        )
    return (Measure("ROC-AUC", bounds.alone_auc, False),)


def suspects_of(schema: FeatureSchema) -> tuple[int, ...]:
    """Return the columns that were brought without a time."""
    return tuple(index for index, column in enumerate(schema.columns) if column.as_of_today)


def readings(
    schema: FeatureSchema,
    matrix: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    suspects: Sequence[int],
    *,
    task: Task,
    bounds: Leakage,
    seed: int,
) -> tuple[Reading, ...]:
    """Return what each suspect says alone: a row a column, way and measure, in that order.

    Parameters
    ----------
    schema : FeatureSchema
    matrix : ndarray, shape (rows, features)
    target : ndarray
        0 or 1, or money.
    groups : ndarray
        The customer of each row: none is both learned from and held out.
    suspects : sequence of int
        The columns to look at.
    """
    held = _Rows.of(schema, matrix, target, groups, task, bounds, seed)
    return tuple(reading for index in suspects for reading in _alone(held, index))


def inspect(
    schema: FeatureSchema,
    matrix: np.ndarray,
    target: np.ndarray,
    groups: np.ndarray,
    suspects: Sequence[int],
    *,
    task: Task,
    bounds: Leakage,
    seed: int,
) -> tuple[Leak, ...]:
    """Return the suspects that are leaks, one leak a column, the plainest first.

    Takes what `readings` takes. Neither the columns' order nor their names change what is found.
    """
    held = _Rows.of(schema, matrix, target, groups, task, bounds, seed)
    found = [reading for index in suspects for reading in _alone(held, index) if reading.is_leak]
    plain = {reading.column for reading in found}
    others = tuple(index for index in suspects if schema.names[index] not in plain)
    told = tuple(i for i, name in enumerate(schema.names) if name not in plain)
    found += _removals(held, told, others) if others else []
    return _one_a_column(
        [Leak(**asdict(each), waived=bounds.waived.get(each.column)) for each in found]
    )


def inspect_split(config: Config, task: Task, data: Split) -> tuple[Leak, ...]:
    """Inspect what is learned from and what is reported on, each apart.

    What was written today tells most of the last outcomes, so that a leak may show in these alone.
    """
    suspects = suspects_of(data.schema)
    if not suspects:
        return ()
    parts = [data.fit, data.test] if data.cutoffs else [_joined(data.fit, data.test)]
    found = [
        leak
        for part in parts
        for leak in inspect(
            data.schema,
            part.matrix,
            part.target,
            part.customers,
            suspects,
            task=task,
            bounds=config.leakage,
            seed=config.seed,
        )
    ]
    return _one_a_column(found)


def require_none(config: Config, task: Task, data: Split) -> tuple[Leak, ...]:
    """Return the leaks that the config waives.

    Raises
    ------
    LeakageError
        If one is not waived.
    """
    leaks = inspect_split(config, task, data)
    if refused := [leak for leak in leaks if leak.waived is None]:
        lines = (f"{task}: {said(config, leak)}; {step(config, leak)}" for leak in refused)
        raise LeakageError("\n".join(lines))
    return leaks


def findings(config: Config, tables: Tables) -> list[Finding]:
    """Return what `check` says of a snapshot's attributes: a stop for each leak, or that none is.

    Raises
    ------
    TooFewError
        If the snapshot holds too few customers to tell.
    """
    if not isinstance(config.churn, Label):
        return []
    found = inspect_split(config, "churn", split_by_strata(config, tables, config.churn))
    if not found:
        return [Finding("fine", "leakage", "no attribute gives the answer")]
    return [
        Finding("stop", "leakage", said(config, leak), step(config, leak))
        if leak.waived is None
        else Finding("look", "leakage", said(config, leak), f"waived: {leak.waived}")
        for leak in found
    ]


def said(config: Config, leak: Reading) -> str:
    """Say in words by which way a column is a leak, and by how much."""
    number, bound = f"{leak.value:.3f}", f"{leak.bound:g}"
    name = leak.column
    if (held := config.attributes.get(name)) and held.column not in (None, name):
        name = f"{name} (column {held.column!r})"
    if leak.way == "removal":
        return (
            f"without {name} a model that is nearly always right falls to pieces: {leak.measure} "
            f"{number} lower on customers held out, and less than {bound} is believed"
        )
    by = "by being missing" if leak.way == "missing" else "by its value"
    return (
        f"{name} alone nearly gives the answer {by}: {leak.measure} {number} on customers held "
        f"out, and less than {bound} is believed of one attribute"
    )


def step(config: Config, leak: Reading) -> str:
    """Say what to do about a leak: take it out, or say why it is none."""
    return (
        f"if it was written after the outcome, {_removed(config, leak.column)}; "
        f"if not, set leakage.waived: {{{leak.column}: WHY}}"
    )


def warnings(config: Config, leaks: Sequence[Leak]) -> tuple[str, ...]:
    """Return what the reader of a card must know of the leaks that were waived."""
    return tuple(
        f"Leakage: {said(config, leak)}. The config waives it: {leak.waived}."
        for leak in leaks
        if leak.waived is not None
    )


def facts(leaks: Sequence[Leak]) -> list[dict[str, Any]]:
    """Return the leaks as a card holds them."""
    return [asdict(leak) for leak in leaks]


def _removed(config: Config, name: str) -> str:
    table = "snapshot" if config.sources.snapshot else "customers"
    if name == SIGNED_UP:
        return "leave out sources.customers.columns.signed_up_at"
    claim = ", or say says: churned of it" if config.attributes[name].kind == "flag" else ""
    dated = "" if config.sources.snapshot else ", or map columns.valid_from"
    return f"take sources.{table}.attributes.{name} out{claim}{dated}"


def _joined(one: Examples, other: Examples) -> Examples:
    return Examples(
        np.concatenate([one.customers, other.customers]),
        np.concatenate([one.as_of, other.as_of]),
        np.concatenate([one.matrix, other.matrix]),
        np.concatenate([one.target, other.target]),
    )


@dataclass(frozen=True)
class _Rows:
    """Rows of customers, folded so that each is predicted by models that never saw them."""

    schema: FeatureSchema
    matrix: np.ndarray
    target: np.ndarray
    groups: np.ndarray
    measures: tuple[Measure, ...]
    bounds: Leakage
    seed: int

    @classmethod
    def of(
        cls,
        schema: FeatureSchema,
        matrix: np.ndarray,
        target: np.ndarray,
        groups: np.ndarray,
        task: Task,
        bounds: Leakage,
        seed: int,
    ) -> _Rows:
        codes, _ = pd.factorize(groups)
        rows = _sampled(codes, target, task, seed)
        held = measures(task, bounds)
        return cls(schema, matrix[rows], target[rows], codes[rows], held, bounds, seed)

    @cached_property
    def folds(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Pairs of the rows that are learned from and those held out."""
        folds = GroupKFold(FOLDS, shuffle=True, random_state=self.seed)
        return list(folds.split(self.matrix, groups=self.groups))

    @property
    def is_of_value(self) -> bool:
        """Whether the target is money."""
        return self.measures[0].is_of_value


def _sampled(groups: np.ndarray, target: np.ndarray, task: Task, seed: int) -> np.ndarray:
    """Return at most `MOST_ROWS` rows, of whole customers.

    Of churn, as many of either outcome as can be: a ROC-AUC does not depend on their shares.
    """
    if len(target) <= MOST_ROWS:
        return np.arange(len(target))
    rng = np.random.default_rng(seed)
    churners = np.unique(groups[target > 0]) if task == "churn" else np.array([], int)
    others = np.setdiff1d(groups, churners)
    rows_of = np.bincount(groups)
    room, kept = MOST_ROWS, []
    for customers in (churners, others):
        drawn = rng.permutation(customers)
        share = room if customers is others else MOST_ROWS // 2
        within = drawn[np.cumsum(rows_of[drawn]) <= share]
        room -= int(rows_of[within].sum())
        kept.append(within)
    return np.flatnonzero(np.isin(groups, np.concatenate(kept)))


def _alone(held: _Rows, index: int) -> Iterator[Reading]:
    """Yield what a column says by being missing and by its value."""
    column = held.schema.columns[index]
    values = held.matrix[:, index]
    missing = np.isnan(values).astype(float)
    orders: dict[Way, np.ndarray] = {"value": _foretold(held, column, values)}
    if missing.any():
        orders["missing"] = missing
    for way, order in orders.items():
        for measure in held.measures:
            told = measure.either_way if way == "missing" else measure
            found = told(held.target, order)
            yield Reading(
                column.name,
                column.label,
                way,
                measure.name,
                found if np.isfinite(found) else 0.0,
                measure.bound,
            )


def _foretold(held: _Rows, column: FeatureColumn, values: np.ndarray) -> np.ndarray:
    """Return what one column foretells of each row, learned from other customers."""
    learn = _by_category if column.kind == "category" else _by_number
    order = np.empty(len(values))
    for seen, out in held.folds:
        order[out] = learn(held, values, seen, out)
    return order


def _by_number(held: _Rows, values: np.ndarray, seen: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Foretell by a small tree, which a code or a missing value can be read by."""
    shape = {"max_leaf_nodes": LEAVES, "min_samples_leaf": FEWEST_IN_LEAF, "random_state": 0}
    known, asked = values[seen, None], values[out, None]
    if held.is_of_value:
        return DecisionTreeRegressor(**shape).fit(known, held.target[seen]).predict(asked)
    tree = DecisionTreeClassifier(**shape).fit(known, held.target[seen])
    return tree.predict_proba(asked) @ tree.classes_


def _by_category(held: _Rows, values: np.ndarray, seen: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Foretell by each category's mean, drawn in to that of all; one not seen has the latter."""
    codes = np.where(np.isnan(values), -1, values).astype(int) + 1
    size, target = codes.max() + 1, held.target[seen]
    rows = np.bincount(codes[seen], minlength=size)
    sums = np.bincount(codes[seen], target, minlength=size)
    return ((sums + PRIOR_ROWS * target.mean()) / (rows + PRIOR_ROWS))[codes[out]]


def _removals(held: _Rows, told: tuple[int, ...], suspects: tuple[int, ...]) -> list[Reading]:
    """Return the suspects without which a model that is nearly always right falls to pieces.

    Columns that say the same hide each other: so the most important are taken away one after
    another as well, and of those that of themselves set the model up again each is named.

    Parameters
    ----------
    told : tuple of int
        The columns that the model sees.
    suspects : tuple of int
        Those of them that may be taken away.
    """
    measure = held.measures[0]
    whole, important = _cheap(held, told, suspects)
    if not whole >= measure.bound:
        return []
    bound = held.bounds.removal
    falls = {
        index: whole - _cheap(held, _without(told, index), suspects)[0]
        for index in important[:MOST_REMOVED]
    }
    removed: list[int] = []
    left, worth = told, whole
    while whole - worth < bound and len(removed) < MOST_REMOVED and important:
        removed.append(important[0])
        left = _without(left, important[0])
        worth, important = _cheap(held, left, tuple(i for i in suspects if i in left))
    if whole - worth >= bound:
        restored = {index: _cheap(held, (*left, index), suspects)[0] - worth for index in removed}
        if max(restored.values()) < bound:  # none of them does it without another
            restored = dict.fromkeys(removed, whole - worth)
        for index, gain in restored.items():
            falls[index] = max(falls.get(index, 0.0), gain)
    columns = held.schema.columns
    found = [
        Reading(columns[i].name, columns[i].label, "removal", measure.name, fall, bound)
        for i, fall in falls.items()
    ]
    return [reading for reading in found if reading.is_leak]


def _without(columns: tuple[int, ...], index: int) -> tuple[int, ...]:
    return tuple(each for each in columns if each != index)


def _cheap(
    held: _Rows, columns: tuple[int, ...], suspects: tuple[int, ...]
) -> tuple[float, list[int]]:
    """Return what a quickly fitted model of some columns is worth, and its suspects by their gain.

    Those that no tree splits on are not among them.
    """
    if not columns:
        return (0.0 if held.is_of_value else 0.5), []
    columns = tuple(sorted(columns))
    types = feature_types([held.schema.columns[i].kind == "category" for i in columns])
    matrix = np.ascontiguousarray(held.matrix[:, columns])
    target = np.maximum(held.target, 0.0)  # as Tweedie has it
    objective = "reg:tweedie" if held.is_of_value else "binary:logistic"
    order, gains = np.empty(len(target)), np.zeros(len(columns))
    for seen, out in held.folds:
        data = xgb.DMatrix(matrix[seen], target[seen], feature_types=types, enable_categorical=True)
        booster = xgb.train({**CHEAP, "objective": objective, "seed": held.seed}, data, ROUNDS)
        asked = xgb.DMatrix(matrix[out], feature_types=types, enable_categorical=True)
        order[out] = booster.predict(asked, output_margin=True)
        for name, gain in booster.get_score(importance_type="total_gain").items():
            gains[int(name[1:])] += gain
    ranked = [columns[i] for i in np.argsort(-gains, kind="stable") if gains[i] > 0]
    worth = held.measures[0](held.target, order)
    return worth, [index for index in ranked if index in suspects]


def _one_a_column(leaks: Sequence[Leak]) -> tuple[Leak, ...]:
    """Return of each column its plainest leak: missing before value before removal."""
    ways: tuple[Way, ...] = ("missing", "value", "removal")
    ranked = sorted(leaks, key=lambda leak: (ways.index(leak.way), -leak.value, leak.column))
    first: dict[str, Leak] = {}
    for leak in ranked:
        first.setdefault(leak.column, leak)
    return tuple(first.values())
