"""What was known at each cut-off, at the grains that features aggregate.

Every frame has a row's cut-off ``as_of``, its ``customer_id`` and its ``age``: the local days from
it to the cut-off, 1 for the day before. Ages are whole numbers, so that sums over them are exact.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

KEYS = ("as_of", "customer_id")


def lines(transactions: ir.Table, cutoffs: ir.Table) -> ir.Table:
    """Rows of a receipt that had happened and were known before each cut-off."""
    known = transactions.join(
        cutoffs,
        [transactions.occurred_at < cutoffs.instant, transactions.known_at < cutoffs.instant],
    )
    return known.mutate(age=known.as_of.delta(known.local_day, unit="day"))


def orders(lines: ir.Table) -> ir.Table:
    """Lines of one order together; its day is that of its first line."""
    sums = {name: lines[name].sum() for name in ("quantity", "discount") if name in lines.columns}
    if "category" in lines.columns:
        sums["categories"] = lines.category.nunique()
    return lines.group_by([*KEYS, "order_id"]).aggregate(
        age=lines.age.max(), net=lines.amount.sum(), lines=lines.count(), **sums
    )


def purchases(orders: ir.Table) -> ir.Table:
    """Orders of a positive net amount."""
    return orders.filter(orders.net > 0)


def days(purchases: ir.Table) -> ir.Table:
    """Days with a purchase, what was spent on each, and the gap to the one before."""
    by_day = purchases.group_by([*KEYS, "age"]).aggregate(
        net=purchases.net.sum(), orders=purchases.count()
    )
    before = ibis.window(group_by=list(KEYS), order_by=ibis.desc("age"))
    return by_day.mutate(
        gap=by_day.age.lag().over(before) - by_day.age,
        weekend=(by_day.as_of - by_day.age.as_interval("D")).day_of_week.index() >= 5,
    )


def categories(lines: ir.Table) -> ir.Table:
    """Each category a customer bought from, and in how many lines."""
    return (
        lines.filter(lines.amount > 0, lines.category.notnull())
        .group_by([*KEYS, "category"])
        .aggregate(lines=lambda line: line.count(), age=lambda line: line.age.min())
    )
