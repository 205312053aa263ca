"""Cohorts: customers who came in the same month (quarter, year), and what became of them.

A cohort is the calendar unit of a customer's first purchase, or of the first start of a
subscription in a base that has no transactions. The first cohort of a history holds also who came
before it was written down.

Cells are of calendar units that are over: the one that ``as_of`` cuts in two is left out, as it
would look like a loss. A cohort that began in it is listed with its size and no share.

Withheld is a cohort of few customers, and then enough others that the whole does not give it away.
A cell's revenue is withheld too where few customers of the cohort brought it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import ibis
import ibis.expr.types as ir
import numpy as np
import pandas as pd

from configs.schema import Config
from features.asof import CUSTOMER
from features.contract import MONEY
from features.engine import computed, kept
from features.figures import calendar_units
from features.figures.orders import on_day, orders
from features.figures.withheld import withheld
from features.running import end_is_known, start_is_known
from features.source import Tables
from features.timeline import stamp

RETENTION = ("cohort", "size", "offset", "customers", "share", "withheld")
REVENUE = ("cohort", "start", "revenue", "customers", "withheld")

_MONEY = MONEY.lower()


@dataclass(frozen=True)
class Cohorts:
    """Both tables of the cohorts.

    Parameters
    ----------
    retention : DataFrame
        ``cohort`` (its first day), its ``size``, ``offset`` (units since, 0 for its own),
        ``customers`` who bought in that unit (or had a subscription running as it ended), their
        ``share`` of the cohort, and whether that is ``withheld``. Sorted by cohort and offset.
    revenue : DataFrame
        ``cohort``, ``start`` (first day of a unit, the cohort's own or later), ``revenue`` in it,
        ``customers`` who brought it, and whether that is ``withheld``. Sorted by cohort and start.
    """

    retention: pd.DataFrame
    revenue: pd.DataFrame


def of_base(config: Config, tables: Tables, as_of: date) -> Cohorts:
    """Return the retention and the revenue of cohorts in one pass over the history.

    Only rows that had happened before ``as_of`` and were known by then count. Revenue is net, in
    the base's currency: what a cohort brought back is taken from it. Of subscriptions it is the
    monthly revenue (MRR) as the unit ends; there is none where it is not known.
    """
    if tables.transactions is None and tables.subscriptions is None:
        return Cohorts(pd.DataFrame(columns=RETENTION), pd.DataFrame(columns=REVENUE))
    # Units before this one are over: it holds as_of, or as_of is its first day.
    now = calendar_units.number(as_of, config.report.cohorts)
    use = _bought if tables.transactions is not None else _subscribed
    with use(config, tables, as_of, now) as (active, first):
        sizes = first.group_by("cohort").aggregate(size=first.count()).order_by("cohort")
        found = computed(tables.backend, sizes).to_pandas()
        cells = computed(tables.backend, _cells(active, first)).to_pandas()
    grid = _grid(found, now)
    held = grid.merge(cells, "left", ["cohort", "unit"], validate="one_to_one")
    small = found["cohort"][withheld(found["size"].to_numpy(), config.report.least)]
    return Cohorts(_retention(config, held, small, now), _revenue(config, held, small, now))


def retention(config: Config, tables: Tables, as_of: date) -> pd.DataFrame:
    """Return the share of each cohort that was there in each unit; see `Cohorts.retention`."""
    return of_base(config, tables, as_of).retention


def revenue(config: Config, tables: Tables, as_of: date) -> pd.DataFrame:
    """Return the net revenue of each cohort in each unit; see `Cohorts.revenue`."""
    return of_base(config, tables, as_of).revenue


Activity = tuple[ir.Table, ir.Table]
"""A row a customer and unit (``retained``, ``revenue``), and each customer's ``cohort``."""


@contextmanager
def _bought(config: Config, tables: Tables, as_of: date, now: int) -> Iterator[Activity]:
    placed = orders(config, tables, as_of)
    unit = calendar_units.numbers(on_day(placed.day), config.report.cohorts)
    by_unit = placed.group_by([CUSTOMER, unit.name("unit")]).aggregate(
        retained=(placed.net > 0).any().cast("int64"), revenue=placed.net.sum().cast(_MONEY)
    )
    with kept(tables.backend, by_unit) as active:
        bought = active.filter(active.retained == 1)
        first = bought.group_by(CUSTOMER).aggregate(cohort=bought.unit.min())
        yield active.filter(active.unit < now), first


@contextmanager
def _subscribed(config: Config, tables: Tables, as_of: date, now: int) -> Iterator[Activity]:
    rows = begun_before(config, tables, as_of)
    unit, last = config.report.cohorts, ibis.literal(now - 1, "int32")
    starts, ends = calendar_units.numbers(rows.start_day, unit), last
    if "ended_at" in rows.columns:  # who ends as a unit begins was there as the one before ended
        known = end_is_known(rows, ibis.literal(stamp(as_of, config.timezone))).fill_null(False)
        before = calendar_units.numbers(rows.end_day, unit) - 1
        ends = known.ifelse(ibis.least(before, last), last)
    mrr = {"mrr": rows.mrr} if "mrr" in rows.columns else {}
    spans = rows.select(CUSTOMER, starts=starts, ends=ends, **mrr)
    with kept(tables.backend, spans) as held:
        first = held.group_by(CUSTOMER).aggregate(cohort=held.starts.min())
        over = held.mutate(unit=ibis.range(held.starts, held.ends + 1).unnest())
        sums = {"revenue": over.mrr.fill_null(0).sum().cast(_MONEY)} if mrr else {}
        active = over.group_by([CUSTOMER, "unit"]).aggregate(running=over.count(), **sums)
        yield active.mutate(retained=ibis.literal(1, "int64")), first


def _cells(active: ir.Table, first: ir.Table) -> ir.Table:
    held = active.join(first, CUSTOMER)
    held = held.filter(held.unit >= held.cohort)  # what was brought back before is of no cohort
    sums = {"revenue": held.revenue.sum().cast("float64")} if "revenue" in held.columns else {}
    return held.group_by(["cohort", "unit"]).aggregate(
        retained=held.retained.sum(), active=held.count(), **sums
    )


def begun_before(config: Config, tables: Tables, as_of: date) -> ir.Table:
    """Return the subscriptions that had begun, and were known of, before a day."""
    rows, at = tables.need("subscriptions"), ibis.literal(stamp(as_of, config.timezone))
    return rows.filter(rows.started_at < at, start_is_known(rows, at))


def _grid(sizes: pd.DataFrame, now: int) -> pd.DataFrame:
    """Return a row for each cohort and unit from its own to the last that is over."""
    cohorts = sizes["cohort"].to_numpy(np.int64)
    units = np.maximum(now - cohorts, 1)  # a cohort of the unit that runs is listed once
    grid = sizes.loc[np.repeat(np.arange(len(sizes)), units)].reset_index(drop=True)
    offset = grid.groupby("cohort").cumcount()
    return grid.assign(offset=offset, unit=(grid["cohort"] + offset).astype("int32"))


def _retention(config: Config, held: pd.DataFrame, small: pd.Series, now: int) -> pd.DataFrame:
    hidden, over = held["cohort"].isin(small), held["unit"] < now
    customers = held["retained"].fillna(0).astype("Int64")
    size = held["size"].astype("Int64")
    return pd.DataFrame(
        {
            "cohort": _first_days(held["cohort"], config),
            "size": size.mask(hidden),
            "offset": held["offset"].astype("int64"),
            "customers": customers.where(over & ~hidden),
            "share": (customers / size).astype("float64").where(over & ~hidden),
            "withheld": hidden,
        }
    )


def _revenue(config: Config, held: pd.DataFrame, small: pd.Series, now: int) -> pd.DataFrame:
    if "revenue" not in held:
        return pd.DataFrame(columns=REVENUE)
    held = held[held["unit"] < now].reset_index(drop=True)
    customers = held["active"].fillna(0).astype("Int64")
    hidden = _hidden(held.assign(active=customers.astype("int64")), small, config.report.least)
    return pd.DataFrame(
        {
            "cohort": _first_days(held["cohort"], config),
            "start": _first_days(held["unit"], config),
            "revenue": held["revenue"].fillna(0.0).where(~hidden),
            "customers": customers.mask(hidden),
            "withheld": hidden,
        }
    )


def _hidden(cells: pd.DataFrame, small: pd.Series, least: int) -> pd.Series:
    """Return which cells are withheld: each unit is a partition of those who were there in it.

    Cohorts that are withheld wholly are one part of it, as they are known by nothing else.
    """
    hidden = cells["cohort"].isin(small)
    pool = cells["cohort"].where(~hidden, -1)
    parts = cells.groupby(["unit", pool])["active"].sum()
    told = parts.groupby(level="unit").transform(lambda part: withheld(part.to_numpy(), least))
    of_cells = told.reindex(pd.MultiIndex.from_arrays([cells["unit"], pool]))
    return hidden | of_cells.to_numpy(bool)


def _first_days(units: pd.Series, config: Config) -> list[date]:
    return [calendar_units.first_day(int(unit), config.report.cohorts) for unit in units]
