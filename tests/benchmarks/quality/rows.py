"""The rows of the table: which base, which task, which cut-offs, and what to reach for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedKFold

from configs.errors import StamkundeError
from configs.load import load
from configs.schema import Config
from configs.tasks import Label
from features.source import Tables, load_tables
from tests.benchmarks.quality.histories import Histories, histories
from training.model import Task
from training.split import Examples, Split, split_by_strata, split_by_time

ALWAYS = "timeline.history=90d"


class RowError(StamkundeError, ValueError):
    """A row that cannot be measured as it is written down."""


@dataclass(frozen=True)
class Row:
    """A base and a task, tested at one cut-off, or in folds where there is no time.

    Parameters
    ----------
    name : str
    told : str
        What the table calls it.
    base : str
        The config's name.
    task : {"churn", "clv"}
    overrides : tuple of str
        What its config says otherwise, as for ``--set``: the cut-offs, no setting of a model.
    fit : tuple of date
        The training cut-offs that must come of it; any unless given.
    test : date, optional
    folds : int
        Stratified folds, where there is no test cut-off.
    reach : mapping of str to float
        By metric, what a better tool than those of today would show.
    """

    name: str
    told: str
    base: str
    task: Task
    overrides: tuple[str, ...] = ()
    fit: tuple[date, ...] = ()
    test: date | None = None
    folds: int = 1
    reach: Mapping[str, float] = field(default_factory=dict)

    def config(self, *more: str) -> Config:
        """Return the base's config with the row's cut-offs."""
        return load(f"configs/{self.base}.yaml", [*self.overrides, *more])


@dataclass(frozen=True)
class Case:
    """What every contender gets: the same rows to learn from, the same to be asked about.

    Parameters
    ----------
    row : Row
    config : Config
    split : Split
    histories : Histories, optional
        How everybody known at the test cut-off bought; None where there is no time.
    fold : int, optional
    """

    row: Row
    config: Config
    split: Split
    histories: Histories | None = None
    fold: int | None = None

    @property
    def horizon(self) -> int:
        """Days in the label window of the test."""
        return getattr(self.config, self.row.task).horizon

    @property
    def purged(self) -> tuple[np.ndarray, np.ndarray] | None:
        """The rows of ``split.fit`` to tune on and to tune by, no label window on both sides."""
        if self.histories is None:
            return None
        task = getattr(self.config, self.row.task)
        days = getattr(task, "training_horizon", None) or task.horizon
        return purged(self.split.fit.as_of, self.config.timeline.gap + days)


def purged(as_of: np.ndarray, span: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return which rows train and which validate: the last cut-off, and those that end by it.

    Parameters
    ----------
    as_of : ndarray of date
    span : int
        Days from a cut-off to its label window's end.

    Returns
    -------
    tuple of ndarray of int, or None
        None where no label window has ended by the last cut-off.
    """
    last = max(as_of)
    ends = np.array([day + timedelta(days=span) <= last for day in as_of])
    if not ends.any():
        return None
    return np.flatnonzero(ends), np.flatnonzero(as_of == last)


def cases(row: Row, config: Config) -> Iterator[Case]:
    """Yield a row's cases: one, or one a fold.

    Raises
    ------
    RowError
        If the config lays other cut-offs than the row asks for.
    """
    tables = load_tables(config)
    if isinstance(config.churn, Label):
        whole = split_by_strata(config, tables, config.churn)
        for fold, split in enumerate(folds(whole, row.folds, config.seed)):
            yield Case(row, config, split, fold=fold)
        return
    yield _case_in_time(row, config, tables)


def _case_in_time(row: Row, config: Config, tables: Tables) -> Case:
    split = split_by_time(config, tables, getattr(config, row.task))
    fit, test = (tuple(sorted(set(part.as_of))) for part in (split.fit, split.test))
    if test != (row.test,) or (row.fit and fit != row.fit):
        raise RowError(
            f"{row.name}: trains at {_days(fit)} and tests at {_days(test)}, must train at "
            f"{_days(row.fit)} and test at {row.test}; mend the row's overrides"
        )
    return Case(row, config, split, histories(config, tables, test[0]))


def _days(days: tuple[date, ...]) -> str:
    return ", ".join(map(str, days))


def folds(whole: Split, count: int, seed: int) -> Iterator[Split]:
    """Yield a snapshot's split once a fold: stratified, shuffled, of rows in customers' order."""
    rows = joined(whole.fit, whole.test)
    rows = rows.take(np.argsort(rows.customers, kind="stable"))
    parts = StratifiedKFold(count, shuffle=True, random_state=seed)
    for fit, test in parts.split(rows.matrix, rows.target):
        yield replace(whole, fit=rows.take(fit), test=rows.take(test))


def joined(one: Examples, two: Examples) -> Examples:
    """Return two sets of examples as one."""
    names = ("customers", "as_of", "matrix", "target")
    return Examples(*(np.concatenate([getattr(one, n), getattr(two, n)]) for n in names))


def _every(days: int, first: date, last: date) -> tuple[date, ...]:
    return tuple(held.date() for held in pd.date_range(first, last, freq=f"{days}D"))


_RETAIL = (
    ALWAYS,
    "timeline.test=2011-09-10",
    "timeline.every=30d",
    "timeline.cutoffs=4",
)
_RETAIL_FIT, _RETAIL_TEST = _every(30, date(2011, 3, 14), date(2011, 6, 12)), date(2011, 9, 10)

_JOURNEY = (
    ALWAYS,
    "timeline.test=2017-12-04",
    "timeline.every=28d",
    "timeline.cutoffs=8",
)
_JOURNEY_FIT, _JOURNEY_TEST = _every(28, date(2017, 4, 24), date(2017, 11, 6)), date(2017, 12, 4)

# All customers were won in the first quarter: whoever trains on the asked horizon would have to
# look beyond the test cut-off. So half of it trains, at half of the history: both as long to each
# other as at the test.
_CDNOW = (
    ALWAYS,
    "timeline.test=1997-10-01",
    "timeline.every=13w",
    "churn.horizon=273d",
    "churn.training_horizon=136d",
    "clv.horizon=273d",
    "clv.training_horizon=136d",
)
_CDNOW_TEST = date(1997, 10, 1)

ROWS: Mapping[str, Row] = {
    row.name: row
    for row in (
        Row(
            "online_retail-churn",
            "Online Retail, lapse 90 d",
            "online_retail",
            "churn",
            _RETAIL,
            _RETAIL_FIT,
            _RETAIL_TEST,
            reach={"roc_auc": 0.752, "log_loss": 0.565},
        ),
        Row(
            "online_retail-clv",
            "Online Retail, value in 90 d",
            "online_retail",
            "clv",
            _RETAIL,
            _RETAIL_FIT,
            _RETAIL_TEST,
            reach={"normalised_gini": 0.800},
        ),
        Row(
            "complete_journey-churn",
            "Complete Journey, lapse 28 d",
            "complete_journey",
            "churn",
            _JOURNEY,
            _JOURNEY_FIT,
            _JOURNEY_TEST,
            reach={"roc_auc": 0.867, "log_loss": 0.300},
        ),
        Row(
            "complete_journey-clv",
            "Complete Journey, value in 28 d",
            "complete_journey",
            "clv",
            _JOURNEY,
            _JOURNEY_FIT,
            _JOURNEY_TEST,
            reach={"normalised_gini": 0.829},
        ),
        Row(
            "cdnow-churn",
            "CDNOW, lapse 273 d",
            "cdnow",
            "churn",
            _CDNOW,
            test=_CDNOW_TEST,
            reach={"roc_auc": 0.773, "log_loss": 0.490},
        ),
        Row(
            "cdnow-clv",
            "CDNOW, value in 273 d",
            "cdnow",
            "clv",
            _CDNOW,
            test=_CDNOW_TEST,
            reach={"normalised_gini": 0.722, "rmse": 92.0},
        ),
        Row(
            "telco-churn",
            "Telco, label, 5 folds",
            "telco",
            "churn",
            folds=5,
            reach={"roc_auc": 0.853, "log_loss": 0.408},
        ),
    )
}
"""The rows, in the table's order."""
