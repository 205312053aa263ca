"""Customers at cut-offs, with what then happened, apart by time: train, tune, report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, StratifiedKFold, train_test_split

from configs.schema import Config
from configs.segmentation import BehaviourSegments
from configs.tasks import Cancel, Clv, Label, Lapse, asks_subscribers
from configs.values import MOST_DAYS
from features.build import build, schema_of
from features.enough import (
    FEWEST,
    cuts_of,
    doubts,
    held_out,
    part_of_snapshot,
    parts_in_time,
    require_enough,
)
from features.labels import cancelled, future, recurring, snapshot_labels
from features.schema import FeatureSchema
from features.source import Tables, first_and_last_day
from features.timeline import CutOffs, HistoryError, latest
from training.learned import Learned, Widened, widen
from training.population import Population

SNAPSHOT_DAY = date(1970, 1, 1)
"""What stands for a cut-off where there is no time."""

FOLDS = 3
"""Parts that settings are tried on where there are no later cut-offs to try them on."""


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

    def with_target(self, target: np.ndarray) -> Examples:
        """Return the same rows with another target."""
        return replace(self, target=target)

    def at(self, cutoffs: Sequence[date]) -> Examples:
        """Return the rows of some cut-offs."""
        return self.take(pd.Series(self.as_of).isin(list(cutoffs)).to_numpy())


@dataclass(frozen=True)
class Fold:
    """Examples to try settings on: fitted on ``train``, judged on ``later``.

    Of a base with time ``later`` is a later cut-off, whose label window none of those that train
    reaches; of one without, or with no room for two such windows, other customers.
    """

    train: Examples
    later: Examples

    def tells(self, of_value: bool) -> bool:
        """Say whether both parts have enough of each outcome; of value, of who brought any."""
        counts = []
        for part in (self.train, self.later):
            did = int(np.sum(part.target > 0))
            counts.append(did if of_value else min(did, len(part) - did))
        return min(counts) >= FEWEST


@dataclass(frozen=True)
class Step:
    """From a training horizon to the whole one: what the probability models expect of both.

    Parameters
    ----------
    ratio : float
        The training horizon over the horizon: the training rows' windows and days are stretched
        by it, so that both are told in the same terms.
    column : int
        The learned column that expects the outcome.
    """

    ratio: float
    column: int


@dataclass(frozen=True)
class Split:
    """A task's examples: settle on ``folds``, fit on ``fit``, report ``test``.

    Parameters
    ----------
    schema : FeatureSchema
        The matrices' columns.
    folds : tuple of Fold
        Each ``train`` has the outcomes that were known by the cut-off of its ``later``.
    fit, test : Examples
        ``fit`` holds all rows whose outcome was known by the first cut-off reported on.
    known : ndarray, shape (customers, features)
        The features of everybody known at that cut-off, asked or not, with no outcome.
    cutoffs : CutOffs or None
        None for a snapshot, which has no time.
    population : Population, optional
        Whom the task asks about.
    learned : Learned, optional
        What the learned columns of the test's rows are computed by.
    step : Step, optional
        Where ``fit`` looks less far ahead than ``test``.
    warnings : tuple of str
        What a reader of the run should know.
    """

    schema: FeatureSchema
    folds: tuple[Fold, ...]
    fit: Examples
    test: Examples
    known: np.ndarray
    cutoffs: CutOffs | None
    population: Population | None
    learned: Learned | None = None
    step: Step | None = None
    warnings: tuple[str, ...] = ()

    @property
    def asked_first(self) -> Examples:
        """Those asked about at the first cut-off reported on: no later one may set a level."""
        return self.test if self.cutoffs is None else self.test.at([self.cutoffs.test])


def split_by_time(config: Config, tables: Tables, task: Lapse | Cancel | Clv) -> Split:
    """Split a base with time: everything reported on lies after everything learned from.

    Raises
    ------
    HistoryError
        If the history is too short for the horizon.
    TooFewError
        If too few customers are left.
    """
    cuts = cuts_of(config, tables, task)
    parts = parts_in_time(config, tables, task, cuts)
    name = "clv" if isinstance(task, Clv) else "churn"
    require_enough(name, parts)
    data, rows = _until(config, tables, task, cuts)
    return replace(
        data,
        folds=_folds(config, tables, _learns(task), rows, data.fit, cuts),
        test=with_outcomes(config, tables, task, data.test),
        warnings=(*doubts(name, parts), *data.warnings),
    )


def all_by_time(config: Config, tables: Tables, task: Lapse | Cancel | Clv) -> Split:
    """Return all whose outcome is known by now to fit on, and nothing to tune or report on.

    Its ``test`` are those who would be asked about now, whose outcomes nobody knows: NaN.

    Raises
    ------
    HistoryError
        If the history is too short for the horizon.
    """
    last = first_and_last_day(tables)[1]
    cuts = latest(config.timeline, cuts_of(config, tables, task), last)
    return _until(config, tables, task, cuts)[0]


def _until(
    config: Config, tables: Tables, task: Lapse | Cancel | Clv, cuts: CutOffs
) -> tuple[Split, Examples]:
    """Return what was known by the last cut-offs: no folds, and tests without their outcomes.

    The rows are those of all training cut-offs, with no outcome yet either.
    """
    shorter = getattr(task, "training_horizon", None)
    population = population_of(task)
    if shorter is None:
        early = late = _known(config, tables, (*cuts.fit, *cuts.tests), task.horizon, cuts.test)
        step = None
    else:
        late = _known(config, tables, cuts.tests, task.horizon, cuts.test)
        early, step = _stretched(config, tables, cuts, task, late.wide)  # type: ignore[arg-type]
    rows = early.asked(population)
    fit = with_outcomes(config, tables, _learns(task), rows.at(cuts.fit), known_before=cuts.test)
    data = Split(
        schema=late.wide.schema,
        folds=(),
        fit=fit,
        test=late.asked(population).at(cuts.tests),
        known=late.rows.at([cuts.test]).matrix,
        cutoffs=cuts,
        population=population,
        learned=late.wide.learned,
        step=step,
        warnings=late.wide.warnings,
    )
    return data, rows


def _learns(task: Lapse | Cancel | Clv) -> Lapse | Cancel | Clv:
    """Return the task with the horizon that is learned from."""
    return task.model_copy(
        update={"horizon": getattr(task, "training_horizon", None) or task.horizon}
    )


@dataclass(frozen=True)
class _Known:
    """Everybody known at some cut-offs, with no outcome yet."""

    wide: Widened
    rows: Examples

    def asked(self, population: Population) -> Examples:
        return self.rows.take(population.holds(self.wide.schema, self.rows.matrix))


def _known(
    config: Config, tables: Tables, days: Sequence[date], horizon: int, latest: date
) -> _Known:
    """Return everybody at some days, their learned columns by what was known up to one."""
    frame = build(config, tables, list(days))
    inputs = schema_of(config, tables)
    as_of = frame["as_of"].to_numpy()
    wide = widen(inputs, inputs.encode(frame), as_of, horizon, config.seed, latest)
    unknown = np.full(len(frame), np.nan)
    return _Known(wide, Examples(frame["customer_id"].to_numpy(), as_of, wide.matrix, unknown))


def _stretched(
    config: Config, tables: Tables, cuts: CutOffs, task: Lapse | Clv, later: Widened
) -> tuple[_Known, Step]:
    """Build the rows of a shorter horizon in the terms of the whole one.

    Buying looks alike when time is stretched: 10 purchases in 20 weeks tell of the next 20 what
    10 in 40 tell of the next 40. So windows are shortened as the horizon is, and days are told
    in parts of it. What the probability models expect needs no stretching.

    Raises
    ------
    HistoryError
        If two windows are the same when shortened.
    """
    shorter = task.training_horizon or task.horizon
    ratio = shorter / task.horizon
    windows = tuple(max(1, round(days * ratio)) for days in config.features.windows)
    if len(set(windows)) < len(windows):
        raise HistoryError(
            f"training_horizon of {shorter}d shortens features.windows to "
            f"{', '.join(f'{days}d' for days in windows)}: each must be once; set fewer windows"
        )
    features = config.features.model_copy(update={"windows": windows})
    early = _known(
        config.model_copy(update={"features": features}), tables, cuts.fit, shorter, cuts.fit[-1]
    )
    name = "expected_value" if isinstance(task, Clv) else "purchase_probability"
    alike = len(early.wide.schema.columns) == len(later.schema.columns)
    if not alike or name not in later.schema.names:
        raise HistoryError(
            "training_horizon needs what BG/NBD (and of value Gamma-Gamma) expects at every "
            "cut-off, and at one of them it cannot be estimated; shorten the horizon instead"
        )
    days = [
        index
        for index, held in enumerate(later.schema.columns)
        if held.unit == "days" and held.name not in config.attributes  # which may be any days
    ]
    matrix = early.rows.matrix.copy()
    matrix[:, days] /= ratio
    wide = replace(early.wide, schema=later.schema, matrix=matrix)
    step = Step(ratio, later.schema.names.index(name))
    return _Known(wide, replace(early.rows, matrix=matrix)), step


def _folds(
    config: Config,
    tables: Tables,
    task: Lapse | Cancel | Clv,
    rows: Examples,
    fit: Examples,
    cuts: CutOffs,
) -> tuple[Fold, ...]:
    """Return rolling origins; other customers' rows where no two label windows fit apart."""
    if cuts.origins:
        held = [
            Fold(
                with_outcomes(config, tables, task, rows.at(before), known_before=day),
                fit.at([day]),
            )
            for before, day in cuts.origins
        ]
        # The latest was counted before the work began; earlier ones, when a base was young, were
        # not.
        telling = [fold for fold in held[:-1] if fold.tells(of_value=isinstance(task, Clv))]
        return (*telling, held[-1])
    groups, _ = pd.factorize(fit.customers)
    folds = GroupKFold(FOLDS, shuffle=True, random_state=config.seed).split(groups, groups=groups)
    return tuple(Fold(fit.take(kept), fit.take(held)) for kept, held in folds)


def split_by_strata(config: Config, tables: Tables, task: Label) -> Split:
    """Split a snapshot by strata of its label: it has no future to be tested on."""
    part = part_of_snapshot(config, tables)
    require_enough("churn", [part])
    data = all_of_snapshot(config, tables)
    rows, target = data.fit, data.fit.target
    fit, test = _held_out(target, task, config.seed)
    tuned = _stratified(FOLDS, config.seed).split(fit, target[fit])
    return replace(
        data,
        folds=tuple(Fold(rows.take(fit[kept]), rows.take(fit[held])) for kept, held in tuned),
        fit=rows.take(fit),
        test=rows.take(test),
        known=rows.matrix[test],
        warnings=doubts("churn", [held_out(part, task.test_share)]),
    )


def all_of_snapshot(config: Config, tables: Tables) -> Split:
    """Return all of a snapshot's customers to fit on, and none to tune or report on."""
    frame = build(config, tables, [SNAPSHOT_DAY])
    schema = schema_of(config, tables)
    labels = snapshot_labels(config, tables)
    target = frame[["customer_id"]].merge(labels, on="customer_id")["churned"].to_numpy(float)
    rows = Examples(
        frame["customer_id"].to_numpy(), frame["as_of"].to_numpy(), schema.encode(frame), target
    )
    return Split(
        schema=schema,
        folds=(),
        fit=rows,
        test=rows.take(np.zeros(len(rows), dtype=bool)),
        known=rows.matrix,
        cutoffs=None,
        population=None,
    )


def _held_out(target: np.ndarray, task: Label, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows that train and those held out: a share, or one fold of so many."""
    rows = np.arange(len(target))
    if task.fold is None:
        kept, held = train_test_split(
            rows, test_size=task.test_share, stratify=target, random_state=seed
        )
        return np.sort(kept), np.sort(held)
    folds = list(_stratified(task.folds, seed).split(rows, target))
    return folds[task.fold]


def _stratified(folds: int, seed: int) -> StratifiedKFold:
    return StratifiedKFold(folds, shuffle=True, random_state=seed)


def population_of(task: Lapse | Cancel | Clv | BehaviourSegments) -> Population:
    """Return whom a task asks about: who has a subscription, or bought within so long, or ever."""
    if asks_subscribers(task):
        return Population("running_subscriptions", at_least=1.0)
    within = None if isinstance(task, Cancel) else task.active_within
    return Population("days_since_purchase", at_most=float(within or MOST_DAYS))


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
    elif isinstance(task, Clv) and task.of_subscriptions:
        outcome = recurring(*asked, known_before=known_before)
        (target,) = _beside(keys, outcome, "value")
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
