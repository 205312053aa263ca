"""How long ago, and since when."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import days, orders

family = Family()


@family.feature(
    days,
    unit="days",
    idea="recency",
    label="days since the last purchase",
    label_da="dage siden sidste køb",
    against="usual_gap",
    actionable=True,
)
def days_since_purchase(days: ir.Table) -> ir.Value:
    """Recency: 1 for a purchase on the day before the cut-off."""
    return days.age.min()


@family.feature(
    orders,
    unit="days",
    idea="recency",
    label="days since the last order or return",
    label_da="dage siden sidste ordre eller retur",
    actionable=True,
)
def days_since_order(orders: ir.Table) -> ir.Value:
    """Days since anything was bought or brought back."""
    return orders.age.min()


@family.feature(
    days,
    unit="days",
    idea="tenure",
    label="days since the first purchase",
    label_da="dage siden første køb",
)
def tenure(days: ir.Table) -> ir.Value:
    """Age of the customer relation (T of the probability models)."""
    return days.age.max()


@family.feature(
    days,
    unit="days",
    idea="tenure",
    label="days between the first and the last purchase",
    label_da="dage mellem første og sidste køb",
)
def active_span(days: ir.Table) -> ir.Value:
    """Time from first to last purchase (t_x of the probability models)."""
    return days.age.max() - days.age.min()


@family.feature(
    days,
    unit="count",
    idea="frequency",
    label="days with a purchase",
    label_da="dage med køb",
    empty=0,
)
def purchase_days(days: ir.Table) -> ir.Value:
    """Frequency, purchases of one day counted once (x + 1 of the probability models)."""
    return days.count()
