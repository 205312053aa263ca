"""Customers at cut-offs, with what then happened, apart by time: train, tune, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from configs.errors import StamkundeError
from configs.schema import Clv, Config, Label, Lapse
from configs.values import MOST_DAYS
from features.build import build, schema_of
from features.check import FEWEST
from features.labels import future, snapshot_labels
from features.schema import FeatureSchema
from features.source import Tables, first_and_last_day
from features.timeline import CutOffs, cut_offs
from training.model import Population

SNAPSHOT_DAY = date(1970, 1, 1)
"""What stands for a cut-off where there is no time."""

CHURNED = ("churned", "stayed")
BOUGHT = ("bought",)
"""Outcomes that a task needs enough customers of; of value, only those who brought any."""


class TooFewError(StamkundeError, ValueError):
    """Too few customers, or too few of one outcome, to learn from."""


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
        ``fit`` holds both the former, and all other rows whose outcome was known by the test.
    known : ndarray, shape (customers, features)
        The features of everybody known at the test cut-off, asked or not, with no outcome.
    cutoffs : CutOffs or None
        None for a snapshot, which has no time.
    population : Population, optional
        Whom the task asks about.
    """

    schema: FeatureSchema
    tune: Examples
    validation: Examples
    fit: Examples
    test: Examples
    known: np.ndarray
    cutoffs: CutOffs | None
    population: Population | None


def split_by_time(config: Config, tables: Tables, task: Lapse | Clv) -> Split:
    """Split a base with time: everything reported on lies after everything learned from.

    Raises
    ------
    HistoryError
        If the history is too short for the horizon.
    TooFewError
        If too few customers are left.
    """
    cuts = cut_offs(config.timeline, task.horizon, *first_and_last_day(tables))
    frame = build(config, tables, [*cuts.fit, cuts.test])
    schema = schema_of(config, tables)
    matrix = schema.encode(frame)
    known = matrix[(frame["as_of"] == cuts.test).to_numpy()]
    population = population_of(task.active_within)
    asked = population.holds(schema, matrix)
    value = task.value if isinstance(task, Clv) else "amount"
    outcome = pd.concat(
        [
            future(config, tables, cuts.fit, task.horizon, value, known_before=cuts.test),
            future(config, tables, [cuts.test], task.horizon, value),
        ]
    )
    joined = frame[["as_of", "customer_id"]].merge(outcome, how="left", on=["as_of", "customer_id"])
    target = _target(joined, task)
    rows = Examples(
        frame["customer_id"].to_numpy(), frame["as_of"].to_numpy(), matrix, target
    ).take(asked)
    split = Split(
        schema=schema,
        tune=rows.at(cuts.tune),
        validation=rows.at([cuts.validation]),
        fit=rows.at(cuts.fit),
        test=rows.at([cuts.test]),
        known=known,
        cutoffs=cuts,
        population=population,
    )
    require_enough(split, BOUGHT if isinstance(task, Clv) else CHURNED)
    return split


def split_by_strata(config: Config, tables: Tables, task: Label) -> Split:
    """Split a snapshot by strata of its label: it has no future to be tested on."""
    frame = build(config, tables, [SNAPSHOT_DAY])
    schema = schema_of(config, tables)
    labels = snapshot_labels(config, tables)
    target = frame[["customer_id"]].merge(labels, on="customer_id")["churned"].to_numpy(float)
    rows = Examples(
        frame["customer_id"].to_numpy(), frame["as_of"].to_numpy(), schema.encode(frame), target
    )
    require_both(target, CHURNED, config.sources.snapshot.path)  # type: ignore[union-attr]
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
    )


def population_of(active_within: int | None) -> Population:
    """Return whom a task asks about: customers who bought within so many days, or ever."""
    return Population("days_since_purchase", float(active_within or MOST_DAYS))


def require_enough(split: Split, outcomes: Sequence[str]) -> None:
    """Refuse to begin where a part of the split has too few of an outcome."""
    for name, part in (
        ("tune", split.tune),
        ("validation", split.validation),
        ("test", split.test),
    ):
        require_both(part.target, outcomes, f"the {name} cut-offs")


def require_both(target: np.ndarray, outcomes: Sequence[str], where: str) -> None:
    """Refuse to learn from fewer than 50 of an outcome: the positive one, then the other."""
    positive = int(np.sum(target > 0))
    for count, said in zip((positive, len(target) - positive), outcomes, strict=False):
        if count < FEWEST:
            raise TooFewError(
                f"{where}: {count} customers who {said} of {len(target)}, at least {FEWEST} are "
                "needed; bring more history, or another horizon"
            )


def _target(joined: pd.DataFrame, task: Lapse | Clv) -> np.ndarray:
    if isinstance(task, Clv):
        return joined["value"].fillna(0.0).to_numpy(float)
    return (joined["purchases"].fillna(0) == 0).to_numpy(float)


def _strata(
    target: np.ndarray, rows: np.ndarray, share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    kept, held = train_test_split(rows, test_size=share, stratify=target[rows], random_state=seed)
    return np.sort(kept), np.sort(held)
