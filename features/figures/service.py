"""What it cost to serve customers in a period: how often each thing happened, times its cost.

A purchase is an order of positive net amount, of the day of its first line. A return is an order
with lines of negative amount in the period: they had to be handled then, however long ago the order
was placed, and whether or not it bought more, so that an exchange may be both. Events count by
their kind.
"""

from __future__ import annotations

from decimal import Decimal
from functools import reduce
from operator import add, itemgetter

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features.figures.definition import Figure, Period, ratio
from features.figures.known import known
from features.source import Tables
from features.timeline import stamp

_OF_ORDERS = frozenset({"purchase", "return"})
_COST = "decimal(18, 8)"  # each time; a page shown may cost a small part of a cent
_MONEY = "decimal(38, 4)"


def measures(config: Config, tables: Tables, period: Period) -> ir.Table | None:
    """Return what it cost to serve each customer in the period.

    Returns
    -------
    Table or None
        A row a customer of whom any row had happened, and was known, by the period's end, in the
        tables that hold what has a cost; None where nothing in them has one. ``cost_to_serve``, to
        four decimals, and ``service_customers``: one where anything with a cost happened.
    """
    costs = sorted(config.report.costs_to_serve)
    served = []
    if tables.transactions is not None and not _OF_ORDERS.isdisjoint(costs):
        served.append(_orders(config, tables.transactions, period))
    if tables.events is not None and not _OF_ORDERS.issuperset(costs):
        served.append(_events(config, tables.events, period))
    if not served:
        return None
    counts = [_times(rows, costs) for rows in served]
    held = ibis.union(*counts) if len(counts) > 1 else counts[0]
    times = held.group_by("customer_id").aggregate(
        **{name: held[name].sum().cast("int64") for name in costs}
    )
    spent = [times[name].cast("decimal(18, 0)") * _cost(config, name) for name in costs]
    any_time = reduce(add, (times[name] for name in costs)) > 0
    return times.select(
        "customer_id",
        cost_to_serve=reduce(add, spent).cast(_MONEY),
        service_customers=any_time.cast("int64"),
    )


def _orders(config: Config, lines: ir.Table, period: Period) -> ir.Table:
    """Return every known order, and what of its kinds it is in the period."""
    lines = known(lines, period.end, config.timezone)
    order = "order_id" if "order_id" in lines.columns else "local_day"
    returned = (lines.amount < 0) & (lines.local_day >= period.start)
    orders = lines.group_by(["customer_id", order]).aggregate(
        net=lines.amount.sum(), first=lines.local_day.min(), returned=returned.ifelse(1, 0).max()
    )
    bought = (orders["first"] >= period.start) & (orders.net > 0)
    return orders.select("customer_id", **{"purchase": bought, "return": orders.returned > 0})


def _events(config: Config, rows: ir.Table, period: Period) -> ir.Table:
    """Return every known event, and which kind it is in the period."""
    rows = known(rows, period.end, config.timezone)
    within = rows.occurred_at >= stamp(period.start, config.timezone)
    kinds = sorted(config.report.costs_to_serve.keys() - _OF_ORDERS)
    return rows.select("customer_id", **{kind: within & (rows.kind == kind) for kind in kinds})


def _times(rows: ir.Table, names: list[str]) -> ir.Table:
    """Return how often each thing happened to each customer: never where it is of other rows."""
    there = {name: rows[name] if name in rows.columns else ibis.literal(False) for name in names}
    times = rows.select("customer_id", **{n: held.ifelse(1, 0) for n, held in there.items()})
    return times.group_by("customer_id").aggregate(**{name: times[name].sum() for name in names})


def _cost(config: Config, name: str) -> ir.DecimalScalar:
    return ibis.literal(Decimal(str(config.report.costs_to_serve[name])), _COST)


FIGURES: tuple[Figure, ...] = (
    Figure(
        "cost_to_serve",
        "cost to serve",
        "omkostning til betjening",
        "money",
        "What the purchases, returns and contacts of the period cost to handle, by the cost given "
        "of each.",
        "Det, som periodens køb, returneringer og henvendelser kostede at håndtere, efter den "
        "omkostning, der er angivet for hver.",
        "service_customers",
        itemgetter("cost_to_serve"),
    ),
    Figure(
        "cost_to_serve_per_customer",
        "cost to serve per customer served",
        "omkostning til betjening pr. betjent kunde",
        "money",
        "Cost to serve divided by the customers of whom there was anything to handle.",
        "Omkostning til betjening divideret med antallet af kunder, for hvem der var noget at "
        "håndtere.",
        "service_customers",
        lambda of: ratio(of["cost_to_serve"], of["service_customers"]),
    ),
)
