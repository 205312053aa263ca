"""What is in the basket: size, breadth, channels, discounts and returns."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import categories, channels, orders, purchases

family = Family()


@family.feature(
    purchases,
    unit="count",
    idea="basket",
    label="lines in an average order",
    label_da="linjer i en gennemsnitlig ordre",
)
def lines_per_order(purchases: ir.Table) -> ir.Value:
    """Mean number of lines of a purchase."""
    return purchases.lines.sum().cast("float64") / purchases.count()


@family.feature(
    purchases,
    unit="count",
    idea="basket",
    label="items in an average order",
    label_da="varer i en gennemsnitlig ordre",
    needs=("quantity",),
)
def items_per_order(purchases: ir.Table) -> ir.Value:
    """Mean quantity of a purchase."""
    return purchases.quantity.sum().cast("float64") / purchases.count()


@family.feature(
    purchases,
    unit="count",
    idea="breadth",
    label="categories in an average order",
    label_da="varegrupper i en gennemsnitlig ordre",
    needs=("category",),
)
def categories_per_order(purchases: ir.Table) -> ir.Value:
    """Mean number of different categories of a purchase."""
    return purchases.categories.sum().cast("float64") / purchases.count()


@family.feature(
    categories,
    unit="count",
    idea="breadth",
    label="different categories bought in the last {window} days",
    label_da="forskellige varegrupper købt i de seneste {window} dage",
    windowed=True,
    needs=("category",),
    actionable=True,
    empty=0,
)
def categories_in(categories: ir.Table, window: int) -> ir.Value:
    """Different categories bought from within the window."""
    return categories.count(where=categories.age <= window)


@family.feature(
    categories,
    unit="share",
    idea="breadth",
    label="concentration on few categories",
    label_da="koncentration om få varegrupper",
    needs=("category",),
)
def category_concentration(categories: ir.Table) -> ir.Value:
    """Herfindahl index of lines over categories: 1 when all is of one."""
    total = categories.lines.sum().cast("float64")
    return (categories.lines * categories.lines).sum() / (total * total)


@family.feature(
    categories,
    unit="share",
    idea="breadth",
    label="share of what is bought in the main category",
    label_da="andel af det købte, der er fra den største varegruppe",
    needs=("category",),
)
def main_category_share(categories: ir.Table) -> ir.Value:
    """Lines of the category bought most."""
    return categories.lines.max().cast("float64") / categories.lines.sum()


@family.feature(
    channels,
    unit="count",
    idea="breadth",
    label="channels used",
    label_da="kanaler brugt",
    needs=("channel",),
    actionable=True,
    empty=0,
)
def channels_used(channels: ir.Table) -> ir.Value:
    """Different channels bought through."""
    return channels.count()


@family.feature(
    channels,
    unit="share",
    idea="breadth",
    label="concentration on few channels",
    label_da="koncentration om få kanaler",
    needs=("channel",),
)
def channel_concentration(channels: ir.Table) -> ir.Value:
    """Herfindahl index of lines over channels: 1 when all is bought through one."""
    total = channels.lines.sum().cast("float64")
    return (channels.lines * channels.lines).sum() / (total * total)


@family.feature(
    channels,
    unit="share",
    idea="breadth",
    label="share of what is bought through the main channel",
    label_da="andel af det købte, der købes gennem hovedkanalen",
    needs=("channel",),
)
def main_channel_share(channels: ir.Table) -> ir.Value:
    """Lines bought through the channel used most."""
    return channels.lines.max().cast("float64") / channels.lines.sum()


@family.feature(
    orders,
    unit="share",
    idea="discounts",
    label="discount as a share of the price",
    label_da="rabat som andel af prisen",
    needs=("discount",),
    actionable=True,
)
def discount_share(orders: ir.Table) -> ir.Value:
    """Discount over what the same would have cost without it."""
    given = orders.discount.sum()
    price = (orders.net.sum() + given).cast("float64")
    return given.cast("float64") / price.nullif(0)


@family.feature(
    orders,
    unit="share",
    idea="discounts",
    label="discount as a share of the price in the last {window} days",
    label_da="rabat som andel af prisen i de seneste {window} dage",
    windowed=True,
    needs=("discount",),
    actionable=True,
)
def discount_share_in(orders: ir.Table, window: int) -> ir.Value:
    """Discount within the window over what the same would have cost without it."""
    given = orders.discount.sum(where=orders.age <= window)
    price = (orders.net.sum(where=orders.age <= window) + given).cast("float64")
    return given.cast("float64") / price.nullif(0)


@family.feature(
    purchases,
    unit="share",
    idea="discounts",
    label="share of purchases with a discount",
    label_da="andel af køb med rabat",
    needs=("discount",),
    actionable=True,
)
def discounted_share(purchases: ir.Table) -> ir.Value:
    """Purchases with any discount among all."""
    return (purchases.discount > 0).sum().cast("float64") / purchases.count()


@family.feature(
    orders,
    unit="share",
    idea="returns",
    label="share of spend that was returned",
    label_da="andel af forbruget, der blev returneret",
    empty=0,
)
def return_share(orders: ir.Table) -> ir.Value:
    """Money returned over money spent."""
    returned = 0 - orders.returned.sum().fill_null(0)
    spent = (orders.net.sum() + returned).cast("float64")
    return returned.cast("float64") / spent.nullif(0)


@family.feature(
    orders,
    unit="count",
    idea="returns",
    label="returns",
    label_da="returneringer",
    empty=0,
)
def returns(orders: ir.Table) -> ir.Value:
    """Orders of a negative net amount."""
    return (orders.net < 0).sum()


@family.feature(
    orders,
    unit="count",
    idea="returns",
    label="returns in the last {window} days",
    label_da="returneringer i de seneste {window} dage",
    windowed=True,
    empty=0,
)
def returns_in(orders: ir.Table, window: int) -> ir.Value:
    """Orders of a negative net amount within the window."""
    return orders.count(where=(orders.net < 0) & (orders.age <= window))


@family.feature(
    orders,
    unit="days",
    idea="returns",
    label="days since the last return",
    label_da="dage siden sidste returnering",
)
def days_since_return(orders: ir.Table) -> ir.Value:
    """Days since an order of a negative net amount; missing where there was none."""
    return orders.age.min(where=orders.net < 0)


@family.feature(
    orders,
    unit="share",
    idea="margin",
    label="margin as a share of spend",
    label_da="dækningsbidrag som andel af forbruget",
    needs=("margin",),
)
def margin_share(orders: ir.Table) -> ir.Value:
    """Margin over net spend; missing where the latter is nothing."""
    return orders.margin.sum().cast("float64") / orders.net.sum().cast("float64").nullif(0)
