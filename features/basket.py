"""What is in the basket: size, breadth, channels, discounts and returns."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import categories, lines, orders, purchases

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
    return (categories.age <= window).sum()


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
    lines,
    unit="count",
    idea="breadth",
    label="channels used",
    label_da="kanaler brugt",
    needs=("channel",),
    actionable=True,
    empty=0,
)
def channels(lines: ir.Table) -> ir.Value:
    """Different channels bought through."""
    return lines.channel.nunique()


@family.feature(
    lines,
    unit="share",
    idea="discounts",
    label="discount as a share of the price",
    label_da="rabat som andel af prisen",
    needs=("discount",),
    actionable=True,
)
def discount_share(lines: ir.Table) -> ir.Value:
    """Discount over what the same would have cost without it."""
    given = lines.discount.sum().cast("float64")
    return given / (lines.amount.sum().cast("float64") + given).nullif(0)


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
    lines,
    unit="share",
    idea="returns",
    label="share of spend that was returned",
    label_da="andel af forbruget, der blev returneret",
    empty=0,
)
def return_share(lines: ir.Table) -> ir.Value:
    """Money returned over money spent."""
    returned = (0 - lines.amount).sum(where=lines.amount < 0).fill_null(0).cast("float64")
    spent = lines.amount.sum(where=lines.amount > 0).cast("float64")
    return returned / spent.nullif(0)


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
    unit="days",
    idea="returns",
    label="days since the last return",
    label_da="dage siden sidste returnering",
)
def days_since_return(orders: ir.Table) -> ir.Value:
    """Days since an order of a negative net amount; missing where there was none."""
    return orders.age.min(where=orders.net < 0)
