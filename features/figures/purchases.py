"""What each customer's purchases add to the figures of a period.

A customer at an instant is one who bought within ``report.active_within`` days before it. Who was
one at the start, who at the end, who was gained and who lost are told of the same purchases, those
known as the period ends, so that end = start + gained − lost always.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import ibis.expr.types as ir

from configs.schema import Config
from features.engine import kept
from features.figures.customers import CUSTOMERS
from features.figures.definition import Period
from features.figures.spans import BEFORE, movements, spans, standing
from features.figures.spending import SPENDING
from features.figures.totals import SUM, TOP, totals
from features.source import Tables

FIGURES = (*CUSTOMERS, *SPENDING)

FIRST_DAY = "first_day"
"""The column, not a measure, of the day of the first purchase since 1970-01-01."""

_COUNTS = ("purchases", "lines")
_SPENT = (*_COUNTS, "spent", "revenue", "gross", "returned", "margin")


def measures(config: Config, tables: Tables, period: Period) -> ir.Table | None:
    """Return what each customer of transactions adds to the figures.

    Returns
    -------
    Table or None
        A row a customer with an order by the period's end, even if only a return; None without
        transactions. Zero or one: ``known``, ``start``, ``end``, ``gained`` (of whom
        ``first_time`` or ``won_back``), ``lost``, ``served`` (at either end, or bought in
        between), ``new``, ``active``, ``passive``, ``buyers``, ``repeaters``, ``traded`` (any line
        in the period). ``purchases`` and what was ``spent`` on them; ``gross`` sales, what was
        ``returned``, ``revenue`` (the one less the other) and that of buyers,
        ``buyers_revenue``; ``margin`` where it is mapped. And `FIRST_DAY`.
    """
    if tables.transactions is None:
        return None
    laid = spans(config, tables, [period])
    sums = {
        name: (laid.period == 0).ifelse(laid[name], 0).sum().cast(_kind(name))
        for name in _SPENT
        if name in laid.columns
    }
    within = standing(laid, [period], config.report.active_within)
    held = laid.group_by("customer_id").aggregate(**within, **sums)
    return held.select(
        "customer_id",
        held["first"].name(FIRST_DAY),
        **movements(held, 0, [period]),
        **_spending(held),
    )


def _kind(name: str) -> str:
    return "int64" if name in _COUNTS else SUM


def _spending(held: ir.Table) -> dict[str, ir.NumericColumn]:
    buys = held.purchases > 0
    return {
        "buyers": buys.cast("int64"),
        "repeaters": (held.purchases > 1).cast("int64"),
        "traded": (held.lines > 0).cast("int64"),
        "purchases": held.purchases,
        "buyers_revenue": buys.ifelse(held.revenue, 0).cast(SUM),
        **{name: held[name] for name in _SPENT if name in held.columns and name not in _COUNTS},
    }


def sums(config: Config, tables: Tables, periods: Sequence[Period]) -> list[dict[str, float]]:
    """Return what all customers add up to in each of successive, equally long periods.

    The transactions are read once, as known at the last period's end.
    """
    engine = tables.backend
    with ExitStack() as stack:
        laid = spans(config, tables, periods)
        laid = stack.enter_context(kept(engine, laid))
        within = standing(laid, periods, config.report.active_within)
        stood = laid.group_by("customer_id").aggregate(**within)
        stood = stack.enter_context(kept(engine, stood))
        found = []
        for k in range(len(periods)):
            told = movements(stood, k, periods)
            found.append(totals(engine, stood.select(**told), list(told))[None])
        spent = stack.enter_context(kept(engine, _spent(laid)))
        names = [name for name in spent.columns if name not in ("customer_id", "period")]
        bought = totals(engine, spent, names, "period")
    none = dict.fromkeys([*names, *TOP], 0.0)
    return [of_all | bought.get(k, none) for k, of_all in enumerate(found)]


def _spent(laid: ir.Table) -> ir.Table:
    """Return what each customer bought in each period."""
    within = laid.filter(laid.period != BEFORE)
    sums = {n: within[n].sum().cast(_kind(n)) for n in _SPENT if n in within.columns}
    held = within.group_by(["customer_id", "period"]).aggregate(**sums)
    return held.select("customer_id", "period", **_spending(held))
