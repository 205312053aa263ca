"""Who the customer is: attributes, and how long ago they signed up."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from configs.schema import Attribute


def with_spans(customers: ir.Table) -> ir.Table:
    """Give each row of attributes until when it holds, where they say from when."""
    if "valid_from" not in customers.columns:
        return customers
    in_order = ibis.window(group_by="customer_id", order_by="valid_from")
    return customers.mutate(valid_until=customers.valid_from.lead().over(in_order))


def holds(customers: ir.Table, instant: ir.Value) -> ir.Value:
    """Return whether a row of attributes holds at a cut-off: the last from before its instant."""
    replaced = (customers.valid_until < instant).fill_null(False)
    return (customers.valid_from < instant) & ~replaced


def attribute(customers: ir.Table, name: str, declared: Attribute, as_of: ir.Value) -> ir.Value:
    """Return an attribute as a feature: flags as 0 or 1, dates as days up to the cut-off.

    A date that lies after the cut-off is not known at it. Where rows do not say from when they
    hold, the rest are today's values: the schema marks them so.
    """
    column = customers[name]
    if declared.kind == "category":
        return column
    if declared.kind == "date":
        return _days_before(as_of, column)
    return column.cast("float64")


def signed_up(customers: ir.Table, as_of: ir.Value, instant: ir.Value) -> ir.Value:
    """Return the days since the customer signed up, missing where that lies after the cut-off."""
    days = as_of.delta(customers.signed_up_day, unit="day").cast("float64")
    return (customers.signed_up_at < instant).ifelse(days, None)


def _days_before(as_of: ir.Value, day: ir.Value) -> ir.Value:
    return (day < as_of).ifelse(as_of.delta(day, unit="day").cast("float64"), None)
