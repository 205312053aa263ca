"""Customers at cut-offs, with what then happened, apart by time: train, tune, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from configs.schema import Cancel, Clv, Config, Label, Lapse, Segmentation
from configs.values import MOST_DAYS
from features.build import build, schema_of
from features.enough import doubts, held_out, part_of_snapshot, parts_in_time, require_enough
from features.labels import cancelled, future, snapshot_labels
from features.schema import FeatureSchema
from features.source import Tables, first_and_last_day
from features.timeline import CutOffs, cut_offs
from training.learned import Learned, widen
from training.model import Population

SNAPSHOT_DAY = date(1970, 1, 1)
"""What stands for a cut-off where there is no time."""


@dataclass(frozen=True)
class Examples:
    """Customers at cut-offs: what was known, and what then happened.

    Parameters
    ----------
    customers : ndarray of str
    as_of : ndarray of date
    matrix : ndarray, shape (rows, features)
    target : ndarray
        1 for churned and 0 for not, or the money of the horizon.
    """

    customers: np.ndarray
    as_of: np.ndarray
    matrix: np.ndarray
    target: np.ndarray

    def __len__(self) -> int:
        return len(self.target)

    def take(self, rows: np.ndarray) -> Examples:
        """Return some of the rows, by mask or by number."""
        return Examples(
            self.customers[rows], self.as_of[rows], self.matrix[rows], self.target[rows]
        )

    def at(self, cutoffs: Sequence[date]) -> Examples:
        """Return the rows of some cut-offs."""
        return self.take(pd.Series(self.as_of).isin(list(cutoffs)).to_numpy())


@dataclass(frozen=True)
class Split:
    """A task's examples: tune on ``tune``, look at ``validation``, fit on ``fit``, report ``test``.

    Parameters
    ----------
    schema : FeatureSchema
        The matrices' columns.
    tune, validation, fit, test : Examples
        ``fit`` holds the rows of both the former, and all others whose outcome was known by the
        test; those of ``tune`` have the outcomes that were known by the validation cut-off.
    known : ndarray, shape (customers, features)
        The features of everybody known at the test cut-off, asked or not, with no outcome.
    cutoffs : CutOffs or None
        None for a snapshot, which has no time.
    population : Population, optional
        Whom the task asks about.
    learned : Learned, optional
        What the learned columns of the test's rows are computed by.
    warnings : tuple of str
        What a reader of the run should know.
    """

    schema: FeatureSchema
    tune: Examples
    validation: Examples
    fit: Examples
    test: Examples
    known: np.ndarray
    cutoffs: CutOffs | None
    population: Population | None
    learned: Learned | None = None
    warnings: tuple[str, ...] = ()


def split_by_time(config: Config, tables: Tables, task: Lapse | Cancel | Clv) -> Split:
    """Split a base with time: everything reported on lies after everything learned from.

    Raises
    ------
    HistoryError
        If the history is too short for the horizon.
    TooFewError
        If too few customers are left.
    """
    cuts = cut_offs(config.timeline, task.horizon, *first_and_last_day(tables))
    parts = parts_in_time(config, tables, task, cuts)
    name = "clv" if isinstance(task, Clv) else "churn"
    require_enough(name, parts)
    frame = build(config, tables, [*cuts.fit, cuts.test])
    inputs = schema_of(config, tables)
    as_of = frame["as_of"].to_numpy()
    wide = widen(inputs, inputs.encode(frame), as_of, task.horizon, config.seed)
    schema, matrix = wide.schema, wide.matrix
    known = matrix[(frame["as_of"] == cuts.test).to_numpy()]
    population = population_of(task)
    unknown = np.full(len(frame), np.nan)
    rows = Examples(frame["customer_id"].to_numpy(), as_of, matrix, unknown)
    rows = rows.take(population.holds(schema, matrix))
    fit = with_outcomes(config, tables, task, rows.at(cuts.fit), known_before=cuts.test)
    return Split(
        schema=schema,
        tune=with_outcomes(config, tables, task, rows.at(cuts.tune), known_before=cuts.validation),
        validation=fit.at([cuts.validation]),
        fit=fit,
        test=with_outcomes(config, tables, task, rows.at([cuts.test])),
        known=known,
        cutoffs=cuts,
        population=population,
        learned=wide.learned,
        warnings=(*doubts(name, parts), *wide.warnings),
    )


def split_by_strata(config: Config, tables: Tables, task: Label) -> Split:
    """Split a snapshot by strata of its label: it has no future to be tested on."""
    part = part_of_snapshot(config, tables)
    require_enough("churn", [part])
    frame = build(config, tables, [SNAPSHOT_DAY])
    schema = schema_of(config, tables)
    labels = snapshot_labels(config, tables)
    target = frame[["customer_id"]].merge(labels, on="customer_id")["churned"].to_numpy(float)
    rows = Examples(
        frame["customer_id"].to_numpy(), frame["as_of"].to_numpy(), schema.encode(frame), target
    )
    fit, test = _strata(target, np.arange(len(rows)), task.test_share, config.seed)
    tune, validation = _strata(target, fit, 0.25, config.seed)
    return Split(
        schema=schema,
        tune=rows.take(tune),
        validation=rows.take(validation),
        fit=rows.take(fit),
        test=rows.take(test),
        known=rows.matrix[test],
        cutoffs=None,
        population=None,
        warnings=doubts("churn", [held_out(part, task.test_share)]),
    )


def population_of(task: Lapse | Cancel | Clv | Segmentation) -> Population:
    """Return whom a task asks about: who has a subscription, or bought within so long, or ever."""
    if isinstance(task, Cancel):
        return Population("running_subscriptions", at_least=1.0)
    return Population("days_since_purchase", at_most=float(task.active_within or MOST_DAYS))


def with_outcomes(
    config: Config,
    tables: Tables,
    task: Lapse | Cancel | Clv,
    rows: Examples,
    known_before: date | None = None,
) -> Examples:
    """Return rows with what then happened, as far as was known before a day."""
    keys = pd.DataFrame({"as_of": rows.as_of, "customer_id": rows.customers})
    asked = (config, tables, list(set(rows.as_of)), task.horizon)
    if isinstance(task, Cancel):
        outcome = cancelled(*asked, known_before=known_before)
        (target,) = _beside(keys, outcome, "churned")
    else:
        value = task.value if isinstance(task, Clv) else "amount"
        outcome = future(*asked, value, known_before=known_before)
        purchases, money = _beside(keys, outcome, "purchases", "value")
        target = money if isinstance(task, Clv) else (purchases == 0).astype(float)
    return replace(rows, target=target)


def _beside(keys: pd.DataFrame, outcome: pd.DataFrame, *columns: str) -> list[np.ndarray]:
    """Return outcomes in the order of the keys, 0 where nothing happened."""
    joined = keys.merge(outcome, how="left", on=list(keys.columns))
    return [joined[column].fillna(0).to_numpy(float) for column in columns]


def _strata(
    target: np.ndarray, rows: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    kept, held = train_test_split(rows, test_size=share, stratify=target[rows], random_state=seed)
    return np.sort(kept), np.sort(held)
