"""Purchases laid into successive periods, and who was a customer as each began and ended.

What customers bought is gathered once to **spans**, a row a customer and period, however many
periods there are. The last purchase of each span tells who was a customer at every boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features import frames
from features.figures.definition import Period
from features.figures.known import known
from features.figures.orders import orders as placed
from features.figures.totals import SUM
from features.source import Tables

BEFORE = -1
"""The number of what lies before the first period."""

_EPOCH = date(1970, 1, 1)
_DAYS = ("first", "last")


def spans(config: Config, tables: Tables, periods: Sequence[Period]) -> ir.Table:
    """Return what each customer bought in each period, as known at the last one's end.

    An order and its purchase lie in the period of its first line; money lies in the period of its
    line, so that what is returned months later lowers no revenue that was told of before.

    Parameters
    ----------
    config : Config
    tables : Tables
        With transactions.
    periods : sequence of Period
        Equally long, each beginning as the one before it ends.

    Returns
    -------
    Table
        Up to two rows a customer and ``period``, to be added up: the number of one, or `BEFORE`.
        ``first`` and ``last`` day of a purchase (since 1970-01-01), ``purchases``, ``spent`` on
        them, ``lines``, ``revenue``, ``gross``, ``returned`` and ``margin`` where it is mapped.
    """
    end = periods[-1].end
    orders = placed(config, tables, end)
    net = orders.net > 0
    bought = {
        "first": net.ifelse(orders.day, None).min(),
        "last": net.ifelse(orders.day, None).max(),
        "purchases": net.ifelse(1, 0).sum().cast("int64"),
        "spent": net.ifelse(orders.net, 0).sum().cast(SUM),
    }
    lines = tables.need("transactions")
    if "order_id" in lines.columns:
        lines = known(lines, end, config.timezone)
        return ibis.union(*_alike(_by_period(orders, periods, bought), _money(lines, periods)))
    return _by_period(orders, periods, bought | _money_of(orders, orders.net, orders.returned))


def _money(lines: ir.Table, periods: Sequence[Period]) -> ir.Table:
    """Return the money of each customer's lines in each period."""
    dated = lines.filter(lines.local_day >= periods[0].start).mutate(lines=1)
    dated = dated.mutate(day=frames.day_number(dated.local_day))
    back = (dated.amount < 0).ifelse(dated.amount, None)
    return _by_period(dated, periods, _money_of(dated, dated.amount, back))


def _money_of(rows: ir.Table, net: ir.Value, returned: ir.Value) -> dict[str, ir.Value]:
    """Return sums of rows of which ``net`` is the amount, ``returned`` the negative part of it."""
    back = returned.fill_null(0)
    sums = {"revenue": net.sum(), "gross": (net - back).sum(), "returned": (-back).sum()}
    if "margin" in rows.columns:
        sums["margin"] = rows.margin.sum().fill_null(0)
    money = {name: value.cast(SUM) for name, value in sums.items()}
    return {"lines": rows.lines.sum().cast("int64"), **money}


def _by_period(rows: ir.Table, periods: Sequence[Period], sums: dict[str, ir.Value]) -> ir.Table:
    """Aggregate rows with a ``day`` by customer and period."""
    start, days = number(periods[0].start), periods[0].days
    ordinal = ibis.least(((rows.day - start) / days).floor().cast("int32"), len(periods) - 1)
    period = (rows.day < start).ifelse(BEFORE, ordinal).cast("int32")
    return rows.group_by(["customer_id", period.name("period")]).aggregate(**sums)


def _alike(*tables: ir.Table) -> list[ir.Table]:
    """Give each table the columns of all, which add nothing where it had none."""
    types = {name: kind for table in tables for name, kind in table.schema().items()}
    empty = {name: None if name in _DAYS else 0 for name in types}
    return [
        table.select(
            **{
                name: table[name] if name in table.columns else ibis.literal(empty[name], kind)
                for name, kind in types.items()
            }
        )
        for table in tables
    ]


def standing(spans: ir.Table, periods: Sequence[Period], active_within: int) -> dict[str, ir.Value]:
    """Return the aggregates of a customer's spans that tell where he stood.

    Returns
    -------
    dict
        ``first`` day of a purchase; ``since``, the first period he was known in; for each boundary
        k between periods (the first begins at 0) whether he was a customer, ``at_k``; and for each
        period whether he ``bought_k``.
    """
    aggregates = {"first": spans["first"].min(), "since": spans.period.min()}
    for k, day in enumerate(boundaries(periods)):
        recent = (spans.period < k) & (spans["last"] >= day - active_within)
        aggregates[f"at_{k}"] = recent.ifelse(1, 0).max() > 0
    for k in range(len(periods)):
        bought = (spans.period == k) & (spans.purchases > 0)
        aggregates[f"bought_{k}"] = bought.ifelse(1, 0).max() > 0
    return aggregates


def movements(held: ir.Table, k: int, periods: Sequence[Period]) -> dict[str, ir.IntegerColumn]:
    """Return the measures of who was a customer in a period, of a table with their `standing`."""
    start, end = held[f"at_{k}"], held[f"at_{k + 1}"]
    begin, over = number(periods[k].start), number(periods[k].end)
    known = held.since <= k
    new = ((held["first"] >= begin) & (held["first"] < over)).fill_null(False)
    told = {
        "known": known,
        "start": start,
        "end": end,
        "gained": end & ~start,
        "first_time": end & ~start & new,
        "won_back": end & ~start & ~new,
        "lost": start & ~end,
        "served": start | held[f"bought_{k}"],
        "new": new,
        "active": end & ~new,
        "passive": known & ~end & ~new,
    }
    return {name: column.cast("int64") for name, column in told.items()}


def boundaries(periods: Sequence[Period]) -> list[int]:
    """Return the first days of periods and the day after the last, since 1970-01-01."""
    return [number(day) for day in (periods[0].start, *(period.end for period in periods))]


def number(day: date) -> int:
    """Return a date as days since 1970-01-01."""
    return (day - _EPOCH).days
