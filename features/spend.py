"""How often and how much: counts, sums and averages by window, and where they are heading."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import days, orders, purchases

family = Family()


@family.feature(
    purchases,
    unit="count",
    idea="frequency",
    label="purchases in the last {window} days",
    label_da="køb i de seneste {window} dage",
    windowed=True,
    empty=0,
)
def purchases_in(purchases: ir.Table, window: int) -> ir.Value:
    """Purchases within the window."""
    return purchases.count(where=purchases.age <= window)


@family.feature(
    orders,
    unit="money",
    idea="monetary value",
    label="net spend in the last {window} days",
    label_da="nettoforbrug i de seneste {window} dage",
    windowed=True,
    empty=0,
)
def spend_in(orders: ir.Table, window: int) -> ir.Value:
    """Money spent less money returned in the orders of the window."""
    return orders.net.sum(where=orders.age <= window).fill_null(0)


@family.feature(
    orders,
    unit="money",
    idea="monetary value",
    label="net spend in all",
    label_da="nettoforbrug i alt",
    empty=0,
)
def spend_ever(orders: ir.Table) -> ir.Value:
    """Money spent less money returned in all the history."""
    return orders.net.sum()


@family.feature(
    days,
    unit="money",
    idea="order value",
    label="average spend on a day with a purchase",
    label_da="gennemsnitligt forbrug på en købsdag",
)
def spend_per_purchase_day(days: ir.Table) -> ir.Value:
    """Monetary value: the mean over days with a purchase (z of Gamma-Gamma)."""
    return days.net.sum().cast("float64") / days.count()


@family.feature(
    purchases,
    unit="money",
    idea="order value",
    label="average order value",
    label_da="gennemsnitlig ordreværdi",
)
def average_order_value(purchases: ir.Table) -> ir.Value:
    """Mean net amount of a purchase."""
    return purchases.net.sum().cast("float64") / purchases.count()


@family.feature(
    purchases,
    unit="money",
    idea="order value",
    label="largest order",
    label_da="største ordre",
)
def largest_order(purchases: ir.Table) -> ir.Value:
    """Net amount of the largest purchase."""
    return purchases.net.max()


@family.feature(
    days,
    unit="money",
    idea="order value",
    label="spend on the last day with a purchase",
    label_da="forbrug på den seneste købsdag",
    against="spend_per_purchase_day",
)
def last_spend(days: ir.Table) -> ir.Value:
    """Net amount of the latest purchase day."""
    return days.net.sum(where=days.latest)


@family.feature(
    days,
    unit="money",
    idea="order value",
    label="spend on the first day with a purchase",
    label_da="forbrug på den første købsdag",
)
def first_spend(days: ir.Table) -> ir.Value:
    """Net amount of the first purchase day."""
    return days.net.sum(where=days.gap.isnull())


@family.feature(
    days,
    unit="money",
    idea="order value",
    label="spread of spend between purchase days",
    label_da="spredning i forbrug mellem købsdage",
)
def spend_deviation(days: ir.Table) -> ir.Value:
    """Standard deviation of spend on a purchase day; from exact moments, division and root last."""
    net = days.net.round(2).cast("decimal(38, 2)")
    count, total, squares = days.count(), net.sum(), (net * net).sum()
    spread = (count * squares - total * total).cast("float64")
    return (spread / (count * (count - 1)).nullif(0).cast("float64")).sqrt()


@family.feature(
    orders,
    unit="share",
    idea="trend",
    label="share of all orders that fell in the last {window} days",
    label_da="andel af alle ordrer, der faldt i de seneste {window} dage",
    windowed=True,
)
def order_share_in(orders: ir.Table, window: int) -> ir.Value:
    """Trend: how much of the whole history lies within the window."""
    return orders.count(where=orders.age <= window).cast("float64") / orders.count()


@family.feature(
    days,
    unit="ratio",
    idea="trend",
    label="spend in the last {window} days against the {window} days before",
    label_da="forbrug i de seneste {window} dage mod de {window} dage før",
    windowed=True,
)
def spend_trend(days: ir.Table, window: int) -> ir.Value:
    """Spend within the window over that of the window before it, each with one unit added."""
    late = days.net.sum(where=days.age <= window).fill_null(0)
    before = (days.age > window) & (days.age <= 2 * window)
    early = days.net.sum(where=before).fill_null(0)
    trend = (late.cast("float64") + 1) / (early.cast("float64") + 1)
    return (days.count() > 0).ifelse(trend, None)


@family.feature(
    days,
    unit="ratio",
    idea="trend",
    label="spend in the last 90 days against the same days a year before",
    label_da="forbrug i de seneste 90 dage mod de samme dage året før",
)
def year_on_year(days: ir.Table) -> ir.Value:
    """Spend of the quarter over that of a year before, each with one unit added.

    Missing of who bought nothing before this year.
    """
    late = days.net.sum(where=days.age <= 90).fill_null(0)
    early = days.net.sum(where=(days.age > 365) & (days.age <= 455)).fill_null(0)
    trend = (late.cast("float64") + 1) / (early.cast("float64") + 1)
    return (days.age.max() > 365).ifelse(trend, None)


@family.feature(
    days,
    unit="share",
    idea="season",
    label="share of the last year's days with a purchase in the 90 days now ahead",
    label_da="andel af det seneste års købsdage, der faldt i de 90 dage, der nu kommer",
)
def season_ahead(days: ir.Table) -> ir.Value:
    """Seasonality: how much of the year fell in the quarter that began on this date a year ago.

    Missing of who has been a customer for less than the year.
    """
    year = days.count(where=days.age <= 365).nullif(0)
    ahead = days.count(where=(days.age <= 365) & (days.age > 275))
    return (days.age.max() >= 365).ifelse(ahead.cast("float64") / year, None)
