"""Who the customer is: attributes, and how long ago they signed up."""

from __future__ import annotations

import ibis.expr.types as ir

from configs.schema import Attribute


def attribute(customers: ir.Table, name: str, declared: Attribute, as_of: ir.Value) -> ir.Value:
    """Return an attribute as a feature: flags as 0 or 1, dates as days up to the cut-off.

    A date that lies after the cut-off is not known at it. The rest are today's values: the schema
    marks them so.
    """
    column = customers[name]
    if declared.kind == "category":
        return column
    if declared.kind == "date":
        return _days_before(as_of, column)
    return column.cast("float64")


def signed_up(customers: ir.Table, as_of: ir.Value, instant: ir.Value) -> ir.Value:
    """Return the days since the customer signed up, missing where that lies after the cut-off."""
    days = as_of.delta(customers.signed_up_at.date(), unit="day").cast("float64")
    return (customers.signed_up_at < instant).ifelse(days, None)


def _days_before(as_of: ir.Value, day: ir.Value) -> ir.Value:
    return (day < as_of).ifelse(as_of.delta(day, unit="day").cast("float64"), None)
