"""What the measures of customers add up to, of all of them and of each group."""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from features.engine import computed

SUM = "decimal(38, 4)"
"""Sums of money, exact however many rows they are of."""

TOP = ("top_customers", "top_revenue")
"""What the top tenth of a group's buyers adds up to, which no measure of a customer tells."""

RANKED = ("buyers", "revenue")
"""The measures that the top tenth is told by."""


def totals(
    engine: ibis.BaseBackend, customers: ir.Table, measures: Sequence[str], by: str | None = None
) -> dict[str | int | None, dict[str, float]]:
    """Return what measures add up to, of each group of customers.

    Parameters
    ----------
    engine : BaseBackend
    customers : Table
        A row a customer, with measures and what ``by`` names.
    measures : sequence of str
    by : str, optional
        The column that groups are told apart by; without it all are one group, None.

    Returns
    -------
    dict
        By group, in their order: each measure's sum, and `TOP` where there are ``buyers`` with
        ``revenue``. Sums are exact until they are given as doubles.
    """
    keys = [by] if by else []
    sums = {name: customers[name].sum().fill_null(0) for name in measures}
    found = {row.pop(by, None): row for row in _grouped(engine, customers, keys, sums)}
    if set(RANKED) <= set(measures):
        for group in found.values():
            group.update(dict.fromkeys(TOP, 0))
        for row in _top(engine, customers, keys):
            found[row.pop(by, None)].update(row)
    return {
        group: {name: float(value) for name, value in found[group].items()}
        for group in sorted(found, key=lambda group: (group is not None, group))
    }


def _top(engine: ibis.BaseBackend, customers: ir.Table, keys: list[str]) -> list[dict]:
    """Sum up the tenth of each group's buyers that brought the most revenue.

    A tenth is rounded up to whole customers; those of equal revenue are taken by their ids.
    """
    buyers = customers.filter(customers.buyers > 0).select("customer_id", "revenue", *keys)
    best_first = [buyers.revenue.desc(), buyers.customer_id]
    placed = buyers.mutate(
        place=ibis.row_number().over(group_by=keys, order_by=best_first),
        among=buyers.count().over(group_by=keys),
    )
    top = placed.filter(placed.place * 10 < placed.among)
    sums = {"top_customers": top.count(), "top_revenue": top.revenue.sum().cast(SUM).fill_null(0)}
    return _grouped(engine, top, keys, sums)


def _grouped(
    engine: ibis.BaseBackend, rows: ir.Table, keys: list[str], sums: dict[str, ir.Value]
) -> list[dict]:
    grouped = rows.group_by(keys).aggregate(**sums) if keys else rows.aggregate(**sums)
    return computed(engine, grouped).to_pylist()
