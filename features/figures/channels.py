"""Channels: the one that a customer buys through most, and the return on what each costs."""

from __future__ import annotations

from datetime import date
from operator import itemgetter

import ibis.expr.types as ir

from configs.schema import Config
from features.engine import computed
from features.figures.definition import Figure, Period, Sums, ratio
from features.figures.known import known
from features.figures.totals import SUM
from features.source import Tables
from features.timeline import DAYS_A_MONTH


def main_channel(config: Config, lines: ir.Table, end: date) -> ir.Table:
    """Return the ``channel`` that each customer bought the most lines through before a day.

    Of channels with as many, the first in the alphabet. Who bought through none has no row.
    """
    bought = known(lines, end, config.timezone).filter(lines.amount > 0, lines.channel.notnull())
    through = bought.group_by(["customer_id", "channel"]).aggregate(lines=bought.count())
    most = through.group_by("customer_id").aggregate(lines=through.lines.max())
    main = through.join(most, ["customer_id", "lines"])
    return main.group_by("customer_id").aggregate(channel=main.channel.min())


def returns(config: Config, tables: Tables, period: Period) -> dict[str, Sums]:
    """Return what each channel with a cost earned and cost in a period, by its name.

    Returns
    -------
    dict
        ``channel_earned``: margin where it is mapped, else revenue, of lines through the channel,
        whoever's; ``channel_cost``; and ``channel_traders``, how many customers they are of.
    """
    lines = known(tables.need("transactions"), period.end, config.timezone)
    lines = lines.filter(lines.local_day >= period.start)
    lines = lines.filter(lines.channel.isin(list(config.report.channel_costs)))
    earned = lines.margin if "margin" in lines.columns else lines.amount
    by_customer = lines.group_by(["channel", "customer_id"]).aggregate(earned=earned.sum())
    by_channel = by_customer.group_by("channel").aggregate(
        traders=by_customer.count(), earned=by_customer.earned.sum().fill_null(0).cast(SUM)
    )
    found = {row["channel"]: row for row in computed(tables.backend, by_channel).to_pylist()}
    return {
        name: {
            "channel_earned": float(found[name]["earned"]) if name in found else 0.0,
            "channel_traders": float(found[name]["traders"]) if name in found else 0.0,
            "channel_cost": monthly * period.days / DAYS_A_MONTH,
        }
        for name, monthly in sorted(config.report.channel_costs.items())
    }


FIGURES: tuple[Figure, ...] = (
    Figure(
        "channel_earned",
        "earned through the channel",
        "tjent gennem kanalen",
        "money",
        "The margin on all that was bought through the channel in the period less what was "
        "returned, whoever bought it; its revenue where no margin is known.",
        "Dækningsbidraget af alt, der blev købt gennem kanalen i perioden, fraregnet returneringer "
        "og uanset køber; omsætningen, hvor intet dækningsbidrag kendes.",
        "channel_traders",
        itemgetter("channel_earned"),
    ),
    Figure(
        "channel_cost",
        "cost of the channel",
        "kanalens omkostning",
        "money",
        "What the channel costs a month, for the days of the period.",
        "Hvad kanalen koster om måneden, for periodens dage.",
        "channel_traders",
        itemgetter("channel_cost"),
    ),
    Figure(
        "channel_return",
        "return on the channel",
        "afkast af kanalen",
        "share",
        "(Earned through the channel − its cost) ÷ its cost.",
        "(Tjent gennem kanalen − dens omkostning) ÷ dens omkostning.",
        "channel_traders",
        lambda sums: ratio(sums["channel_earned"] - sums["channel_cost"], sums["channel_cost"]),
    ),
)
"""In the order of a report."""
