"""The figures of successive periods, to see which way a base goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from types import ModuleType

import ibis
import ibis.expr.types as ir
import pandas as pd

from configs.schema import Config
from features.figures import purchases
from features.figures.definition import Period
from features.figures.table import ALL, MODULES, can_be_told, frame, told
from features.figures.totals import totals
from features.running import end_is_known, start_is_known
from features.source import Tables, first_and_last_day
from features.timeline import stamp


def trend(config: Config, tables: Tables, as_of: date) -> pd.DataFrame:
    """Return the figures of the whole base in successive periods, the last ending at ``as_of``.

    They are told as known at ``as_of``: what was learnt late lies in the period that it happened
    in, so that an earlier period may be told otherwise than it was in its own time. Periods that
    begin before the history does are left out, unless it is the last; the first ones know nobody
    who bought before it, so that their customers are too few.

    Returns
    -------
    DataFrame
        The columns of `features.figures.table.of_period`, and each period's ``start`` and ``end``
        (excluded); the oldest first, figures in the order of a report. A snapshot, having no time,
        has none.
    """
    if tables.snapshot is not None:
        return frame([]).assign(start=[], end=[])
    held = _as_known(config, tables, as_of)
    periods = _periods(config, held, as_of)
    least, frames = config.report.least, []
    for period, sums in zip(periods, _sums(config, held, periods), strict=True):
        figures = [figure for module in MODULES for figure in module.FIGURES]
        asked = [figure for figure in figures if can_be_told(figure, sums)]
        found = frame(told(ALL, asked, {ALL: sums}, least))
        frames.append(found.assign(start=period.start, end=period.end))
    return pd.concat(frames, ignore_index=True)


def _periods(config: Config, tables: Tables, as_of: date) -> list[Period]:
    """Return the periods up to a day that the history holds, oldest first."""
    days, first = config.report.period, first_and_last_day(tables)[0]
    whole = min(config.report.periods, max(1, (as_of - first).days // days))
    return [Period.before(as_of - timedelta(days=days * k), days) for k in reversed(range(whole))]


def _sums(config: Config, tables: Tables, periods: Sequence[Period]) -> list[dict[str, float]]:
    """Return what all customers add up to in each period, in the measures of every module."""
    found: list[dict[str, float]] = [{} for _ in periods]
    for module in MODULES:
        if module is not purchases:
            for sums, period in zip(found, periods, strict=True):
                sums |= _measured(module, config, tables, period)
        elif tables.transactions is not None:  # by far the most rows: read once for all periods
            for sums, more in zip(found, purchases.sums(config, tables, periods), strict=True):
                sums |= more
    return found


def _measured(
    module: ModuleType, config: Config, tables: Tables, period: Period
) -> dict[str, float]:
    customers = module.measures(config, tables, period)
    if customers is None:
        return {}
    names = [name for name in customers.columns if name != "customer_id"]
    return totals(tables.backend, customers, names)[None]


def _as_known(config: Config, tables: Tables, as_of: date) -> Tables:
    """Return the tables as known at a day, as if each row had been known when it happened."""
    instant = ibis.literal(stamp(as_of, config.timezone))
    held = {}
    for name in ("transactions", "events"):
        rows = getattr(tables, name)
        if rows is not None and "known_at" in rows.columns:
            held[name] = rows.filter(rows.known_at < instant).drop("known_at")
    if tables.subscriptions is not None:
        held["subscriptions"] = _subscriptions_as_known(tables.subscriptions, instant)
    return replace(tables, **held)


def _subscriptions_as_known(rows: ir.Table, instant: ir.Value) -> ir.Table:
    rows = rows.filter(start_is_known(rows, instant))
    if "ended_known_at" in rows.columns:
        learnt = end_is_known(rows, instant).fill_null(False)
        ends = [name for name in ("ended_at", "end_day") if name in rows.columns]
        rows = rows.mutate(**{name: learnt.ifelse(rows[name], None) for name in ends})
    return rows.drop(*{"known_at", "ended_known_at"} & set(rows.columns))
