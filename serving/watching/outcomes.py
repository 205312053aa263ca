"""What became of what was predicted, by week and bundle; and what is expected where none can know.

Predictions are those on record, put together by the week of the day that their features were of.
Of several of one customer in a week by one bundle, the last given counts. Once the label windows of
all of a week are over, its figures are those of the evaluation; before, they are estimates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from configs.errors import StamkundeError
from configs.schema import Cancel, Clv, Config, Lapse, Timeline
from features.source import Tables, first_and_last_day
from serving.record.ledger import Ledger
from serving.record.tokens import customer_tokens
from serving.report.track_figures import draws
from serving.report.track_record import question
from serving.watching.estimate import estimate
from serving.watching.outcome import OutcomeWeek
from serving.watching.predicted import Told, predicted
from serving.watching.psi import FEW
from serving.watching.seen import week_of
from training.bootstrap import Interval, percentiles
from training.bundle import Bundle
from training.metrics import CHURN_METRICS, LEVEL_METRICS, VALUE_METRICS, Metric, evaluate
from training.split import Examples, with_outcomes

Question = Lapse | Cancel | Clv


class TimelessError(StamkundeError):
    """Predictions that nothing comes after: those of a snapshot."""


_TABLES = ("transactions", "subscriptions", "customers", "events")


@dataclass(frozen=True)
class _Group:
    """The predictions of a week by one bundle, one a customer, sorted by day and customer."""

    bundle: Bundle
    rows: pd.DataFrame
    strangers: int


def outcomes(
    config: Config,
    tables: Tables,
    ledger: Ledger,
    secret: bytes,
    lookup: Callable[[str], Bundle],
    as_of: date,
) -> list[OutcomeWeek]:
    """Return what became of every prediction on record, as far as was known by a date.

    Parameters
    ----------
    config, tables
        The customer base.
    ledger : Ledger
        Its record.
    secret : bytes
        By which the record names customers.
    lookup : callable
        From a digest to its bundle.
    as_of : date
        What became known on this day or later, or lies past the end of the data, counts for
        nothing.

    Returns
    -------
    list of OutcomeWeek
        By task, week and bundle.

    Raises
    ------
    TimelessError
        If the base is a snapshot.
    StamkundeError
        If the record, a bundle or the tables cannot be read.
    """
    if tables.snapshot is not None:
        raise TimelessError(
            f"{config.name}: a snapshot has no time, so nothing comes after its predictions; "
            "outcomes are told of bases with transactions or subscriptions"
        )
    end = min(as_of, (config.timeline.last or first_and_last_day(tables)[1]) + timedelta(days=1))
    known = _names(config, tables, secret)
    told = predicted(ledger, config.timezone)
    found = []
    for (task, week, _), group in sorted(_grouped(told, known, lookup, config.timezone).items()):
        asked = question(group.bundle)
        if asked is not None:
            found.append(_week(config, tables, task, week, group, asked, end))
    return found


def _names(config: Config, tables: Tables, secret: bytes) -> Mapping[str, str]:
    """Return the customers that the tables know, by what the record calls them."""
    held = [getattr(tables, name, None) for name in _TABLES]
    ids = {
        customer
        for table in held
        if table is not None
        for customer in tables.backend.to_pyarrow(table.select("customer_id").distinct())
        .column("customer_id")
        .to_pylist()
    }
    order = sorted(ids)
    return dict(zip(customer_tokens(secret, config.name, order), order, strict=True))


def _grouped(
    told: Iterable[Told], known: Mapping[str, str], lookup: Callable[[str], Bundle], zone: str
) -> dict[tuple[str, date, str], _Group]:
    parts: dict[tuple[str, date, str], list[pd.DataFrame]] = {}
    for each in told:
        columns = {"token": each.customers, "served": each.served, "as_of": each.as_of}
        weeks = {day: week_of(day, zone) for day in set(each.as_of)}
        whole = pd.DataFrame(columns)
        for week, rows in whole.groupby(whole["as_of"].map(weeks)):
            parts.setdefault((each.task, week, each.bundle), []).append(rows)
    bundles = {digest: lookup(digest) for digest in sorted({key[2] for key in parts})}
    return {key: _group(pd.concat(held), known, bundles[key[2]]) for key, held in parts.items()}


def _group(rows: pd.DataFrame, known: Mapping[str, str], bundle: Bundle) -> _Group:
    last = rows.drop_duplicates("token", keep="last")
    named = last.assign(customer_id=last["token"].map(known)).drop(columns="token")
    ours = named.dropna(subset="customer_id").sort_values(["as_of", "customer_id"])
    return _Group(bundle, ours, len(named) - len(ours))


def _week(
    config: Config,
    tables: Tables,
    task: str,
    week: date,
    group: _Group,
    asked: Question,
    end: date,
) -> OutcomeWeek:
    gap = Timeline.model_validate(group.bundle.manifest["config"]["timeline"]).gap
    last = group.rows["as_of"].max() if len(group.rows) else week
    until = last + timedelta(days=gap + asked.horizon)
    over, served = until <= end, group.rows["served"].to_numpy(float)
    if len(served) < max(config.report.least, 2):
        metrics: Mapping[str, Interval] = {}
    elif over:
        metrics = _measured(config, tables, group, asked, gap, end)
    else:
        metrics = _expected(task, served, config.seed)
    return OutcomeWeek(
        week,
        task,
        group.bundle.digest,
        len(served),
        group.strangers,
        len(served) < FEW,
        until,
        not over,
        metrics,
    )


def _measured(
    config: Config, tables: Tables, group: _Group, asked: Question, gap: int, end: date
) -> dict[str, Interval]:
    """Return the evaluation's figures of predictions whose outcomes are known."""
    rows = group.rows
    count = len(rows)
    customers, days = rows["customer_id"].to_numpy(object), rows["as_of"].to_numpy(object)
    examples = Examples(customers, days, np.empty((count, 0)), np.zeros(count))
    timeline = config.timeline.model_copy(update={"gap": gap})
    then = config.model_copy(update={"timeline": timeline})
    actual = with_outcomes(then, tables, asked, examples, known_before=end).target
    metrics = {**(VALUE_METRICS if isinstance(asked, Clv) else CHURN_METRICS), **LEVEL_METRICS}
    served = rows["served"].to_numpy(float)
    values = evaluate(metrics, actual, served)
    drawn = draws(metrics, actual, served, config.seed)
    return _told(metrics, {name: percentiles(values[name], drawn[name]) for name in metrics})


def _expected(task: str, served: np.ndarray, seed: int) -> dict[str, Interval]:
    """Return what is expected of predictions whose outcomes nobody can know yet."""
    mean = Interval(evaluate(LEVEL_METRICS, served, served)["mean_predicted"], np.nan, np.nan)
    figures = estimate(CHURN_METRICS, served, seed) if task == "churn" else {}
    return _told({**CHURN_METRICS, **LEVEL_METRICS}, {**figures, "mean_predicted": mean})


def _told(metrics: Mapping[str, Metric], figures: Mapping[str, Interval]) -> dict[str, Interval]:
    """Return the figures that have a meaning: the rank of one class alone has none."""
    return {
        name: figures[name]
        for name in metrics
        if name in figures and np.isfinite(figures[name].estimate)
    }
