"""The gaps between purchases, and the present one against the usual."""

import ibis.expr.types as ir

from features.definition import Family
from features.frames import days

family = Family()


@family.feature(
    days,
    unit="days",
    idea="rhythm",
    label="usual days between purchases",
    label_da="sædvanligt antal dage mellem køb",
)
def usual_gap(days: ir.Table) -> ir.Value:
    """Mean gap between days with a purchase; missing for one-day customers."""
    return days.gap.sum().cast("float64") / days.gap.count().nullif(0)


@family.feature(
    days,
    unit="days",
    idea="rhythm",
    label="spread of the days between purchases",
    label_da="spredning i dage mellem køb",
)
def gap_deviation(days: ir.Table) -> ir.Value:
    """Standard deviation of the gaps; from exact moments, division and root last."""
    gap = days.gap.cast("int64")  # the square of 127 years has no room in 32 bits
    count, total, squares = days.gap.count(), days.gap.sum(), (gap * gap).sum()
    spread = (count * squares - total * total).cast("float64")
    return (spread / (count * (count - 1)).nullif(0).cast("float64")).sqrt()


@family.feature(
    days,
    unit="days",
    idea="rhythm",
    label="longest pause between purchases",
    label_da="længste pause mellem køb",
)
def longest_gap(days: ir.Table) -> ir.Value:
    """The longest gap that ended in a purchase."""
    return days.gap.max()


@family.feature(
    days,
    unit="days",
    idea="rhythm",
    label="days between the last two purchases",
    label_da="dage mellem de seneste to køb",
    against="usual_gap",
)
def last_gap(days: ir.Table) -> ir.Value:
    """The gap that the latest purchase ended."""
    return days.gap.sum(where=days.latest)


@family.feature(
    days,
    unit="ratio",
    idea="recency",
    label="present pause against the usual one",
    label_da="nuværende pause i forhold til den sædvanlige",
    actionable=True,
)
def pause_ratio(days: ir.Table) -> ir.Value:
    """Days since the last purchase over the mean gap; above 1 the customer is late."""
    return days.age.min() * days.gap.count() / days.gap.sum().nullif(0).cast("float64")


@family.feature(
    days,
    unit="",
    idea="recency",
    label="present pause beyond the usual one, in its usual spreads",
    label_da="nuværende pause ud over den sædvanlige, målt i dens sædvanlige spredning",
    actionable=True,
)
def pause_score(days: ir.Table) -> ir.Value:
    """Standard score of the present pause; missing where the gaps are alike, or fewer than two."""
    return (days.age.min() - usual_gap(days)) / gap_deviation(days).nullif(0)


@family.feature(
    days,
    unit="share",
    idea="rhythm",
    label="share of purchase days at weekends",
    label_da="andel af købsdage i weekender",
)
def weekend_share(days: ir.Table) -> ir.Value:
    """Saturdays and Sundays among the days with a purchase."""
    return days.weekend.sum().cast("float64") / days.count()
