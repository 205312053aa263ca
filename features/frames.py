"""What was known at each cut-off, at the grains that features aggregate.

Rows are gathered to a frame's grain, each with the local ``day`` that it stands for; laid before
the cut-offs, a row then has its ``age``: the days from it to the cut-off, 1 for the day before.
Days and ages are whole numbers, so that sums over them are exact.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from features.contract import MONEY
from features.running import running

Keys = Sequence[str]

NEVER = 10_000_000
"""The day after the last of all."""

_MONEY = MONEY.lower()
_SUMMED = ("quantity", "discount", "margin")
_WEEK, _EPOCH_WEEKDAY, _SATURDAY = 7, 3, 5  # 1970-01-01, day 0, was a Thursday


def orders(lines: ir.Table, keys: Keys) -> ir.Table:
    """Lines of one order together; its day is that of its first line.

    Without order ids an order is all of a customer's lines of one day.
    """
    by_id = "order_id" in lines.columns
    sums = {name: lines[name].sum() for name in _SUMMED if name in lines.columns}
    if "category" in lines.columns:
        sums["categories"] = lines.category.nunique()
    gathered = lines.group_by([*keys, "order_id" if by_id else "local_day"]).aggregate(
        **({"local_day": lines.local_day.min()} if by_id else {}),
        net=lines.amount.sum().cast(_MONEY),
        returned=lines.amount.sum(where=lines.amount < 0).cast(_MONEY),
        lines=lines.count(),
        **sums,
    )
    return gathered.mutate(day=day_number(gathered.local_day)).drop("local_day")


def purchases(orders: ir.Table) -> ir.Table:
    """Orders of a positive net amount."""
    return orders.filter(orders.net > 0)


def days(purchases: ir.Table, keys: Keys) -> ir.Table:
    """Days with a purchase, what was spent on each, and the gap to the one before.

    The first has no gap; at a cut-off, the last known is marked as the ``latest``.
    """
    by_day = purchases.group_by([*keys, "day"]).aggregate(net=purchases.net.sum().cast(_MONEY))
    return _with_gaps(by_day, list(keys), ibis.literal(True))


def daily_orders(orders: ir.Table, keys: Keys) -> ir.Table:
    """Orders that are days: the days with a purchase are among them, gaps and all."""
    purchase = orders.net > 0
    return _with_gaps(orders, [*keys, purchase.name("purchase")], purchase)


def _with_gaps(
    days: ir.Table, keys: Sequence[str | ir.Value], purchase: ir.BooleanValue
) -> ir.Table:
    in_order = ibis.window(group_by=list(keys), order_by="day")
    weekday = (days.day % _WEEK + _WEEK + _EPOCH_WEEKDAY) % _WEEK  # days before 1970 are negative
    next_day = days.day.lead(default=NEVER).over(in_order)
    return days.mutate(
        gap=(days.day - days.day.lag().over(in_order)).cast("int32"),
        next_day=purchase.ifelse(next_day, None),
        weekend=weekday >= _SATURDAY,
    )


def items(lines: ir.Table, keys: Keys, column: str) -> ir.Table:
    """Lines bought of each category (or through each channel) on each day."""
    bought = lines.filter(lines.amount > 0, lines[column].notnull())
    gathered = bought.group_by([*keys, column, "local_day"]).aggregate(lines=bought.count())
    return gathered.mutate(day=day_number(gathered.local_day)).drop("local_day")


def categories(items: ir.Table, keys: Keys) -> ir.Table:
    """Each category a customer bought from: in how many lines, and how long ago the last."""
    return items.group_by([*keys, "category"]).aggregate(
        lines=items.lines.sum(), age=items.age.min()
    )


def channels(items: ir.Table, keys: Keys) -> ir.Table:
    """Each channel a customer bought through: in how many lines, and how long ago the last."""
    return items.group_by([*keys, "channel"]).aggregate(
        lines=items.lines.sum(), age=items.age.min()
    )


def events(rows: ir.Table, keys: Keys) -> ir.Table:
    """Events of one kind and day together: how many, and what their values add up to."""
    values = {}
    if "value" in rows.columns:
        values = {"value": rows["value"].sum().cast(_MONEY), "valued": rows["value"].count()}
    gathered = rows.group_by([*keys, "kind", "local_day"]).aggregate(times=rows.count(), **values)
    return gathered.mutate(day=day_number(gathered.local_day)).drop("local_day")


def scores(events: ir.Table, keys: Keys) -> ir.Table:
    """Days with values of a kind; at a cut-off, the last known of each kind is the ``latest``."""
    given = events.filter(events.valued > 0)
    in_order = ibis.window(group_by=[*keys, "kind"], order_by="day")
    return given.mutate(next_day=given.day.lead(default=NEVER).over(in_order))


def contacts(
    rows: ir.Table, keys: Keys, contact: Sequence[str], response: Sequence[str]
) -> ir.Table:
    """Days on which a customer was contacted or responded.

    A day's contacts are ``answered`` by a response on that day or the seven after it. At a cut-off
    that is known of the contacts that are older.
    """
    rows = rows.filter(rows.kind.isin([*contact, *response]))
    gathered = rows.group_by([*keys, "local_day"]).aggregate(
        contacts=rows.count(where=rows.kind.isin(contact)),
        responses=rows.count(where=rows.kind.isin(response)),
    )
    days = gathered.mutate(day=day_number(gathered.local_day)).drop("local_day")
    since = ibis.window(group_by=list(keys), order_by="day", preceding=0, following=None)
    next_response = (days.responses > 0).ifelse(days.day, None).min().over(since)
    return days.mutate(answered=(next_response <= days.day + 7).fill_null(False))


def subscriptions(rows: ir.Table, keys: Keys) -> ir.Table:
    """Subscriptions begun by a cut-off's instant: which run, which ended, and how long ago.

    One is a change (``changed``) where it is on another plan than the one begun before it.
    """
    runs = running(rows, rows.instant, rows.instant)
    held = {"running": runs, "ended_age": ibis.null("int32")}
    if "ended_at" in rows.columns:
        held["ended_age"] = runs.ifelse(None, rows.cutoff - day_number(rows.end_day))
    if "plan" in rows.columns:
        ties = [name for name in ("plan", "mrr") if name in rows.columns]
        in_order = ibis.window(group_by=list(keys), order_by=["started_at", *ties])
        before, plan = rows.started_at.lag().over(in_order), rows.plan.lag().over(in_order)
        changed = (before < rows.started_at) & (plan != rows.plan)
        held["changed"] = changed.fill_null(False)
    return rows.mutate(**held)


def day_number(day: ir.Value) -> ir.Value:
    """Return a date as whole days since 1970-01-01."""
    return day.epoch_days().cast("int32")
