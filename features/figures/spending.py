"""The figures of what customers bought: how often, for how much, and what they returned."""

from __future__ import annotations

from operator import itemgetter

from features.figures.definition import Figure, Sums, ratio


def _top_share(sums: Sums) -> float | None:
    whole = sums["buyers_revenue"]
    return sums["top_revenue"] / whole if whole > 0 else None


SPENDING: tuple[Figure, ...] = (
    Figure(
        "buyers",
        "buyers",
        "købere",
        "count",
        "Customers with a purchase in the period: an order worth more than what was returned of "
        "it.",
        "Kunder med et køb i perioden: en ordre på mere, end der blev returneret af den.",
        "served",
        itemgetter("buyers"),
    ),
    Figure(
        "repeat_purchase_rate",
        "repeat-purchase rate",
        "genkøbsrate",
        "share",
        "Customers with two purchases or more in the period ÷ buyers.",
        "Kunder med mindst to køb i perioden ÷ købere.",
        "buyers",
        lambda sums: ratio(sums["repeaters"], sums["buyers"]),
    ),
    Figure(
        "purchases_per_customer",
        "purchases per customer",
        "køb pr. kunde",
        "ratio",
        "Purchases in the period ÷ buyers.",
        "Køb i perioden ÷ købere.",
        "buyers",
        lambda sums: ratio(sums["purchases"], sums["buyers"]),
    ),
    Figure(
        "average_order_value",
        "average order value",
        "gennemsnitlig ordreværdi",
        "money",
        "What the purchases of the period came to, net of what was returned of them ÷ their "
        "number.",
        "Værdien af periodens køb, fraregnet det, der blev returneret af dem ÷ deres antal.",
        "buyers",
        lambda sums: ratio(sums["spent"], sums["purchases"]),
    ),
    Figure(
        "revenue",
        "revenue",
        "omsætning",
        "money",
        "Sales in the period less what was returned in it, of whichever order.",
        "Salget i perioden fraregnet det, der blev returneret i den, uanset hvilken ordre.",
        "traded",
        itemgetter("revenue"),
    ),
    Figure(
        "revenue_per_customer",
        "revenue per customer",
        "omsætning pr. kunde",
        "money",
        "Revenue ÷ everybody who was a customer at the start or at the end, or bought in between.",
        "Omsætning ÷ alle, der var kunder ved periodens start eller slutning eller købte "
        "derimellem.",
        "traded",
        lambda sums: ratio(sums["revenue"], sums["served"]),
    ),
    Figure(
        "margin",
        "margin",
        "dækningsbidrag",
        "money",
        "The margin on sales in the period less that on what was returned in it.",
        "Dækningsbidraget af salget i perioden fraregnet det af, hvad der blev returneret i den.",
        "traded",
        itemgetter("margin"),
        needs=("margin",),
    ),
    Figure(
        "return_rate",
        "return rate",
        "returrate",
        "share",
        "What was returned in the period ÷ what was sold in it, both in money.",
        "Det, der blev returneret i perioden ÷ det, der blev solgt i den, begge i penge.",
        "traded",
        lambda sums: ratio(sums["returned"], sums["gross"]),
    ),
    Figure(
        "top_tenth_share",
        "share of revenue from the top tenth",
        "den øverste tiendedels andel af omsætningen",
        "share",
        "Of the revenue of buyers, what the tenth of them that brought the most of it brought; "
        "a tenth is rounded up to whole customers.",
        "Af købernes omsætning den del, som kom fra den tiendedel af dem, der gav mest; en "
        "tiendedel rundes op til hele kunder.",
        "top_customers",
        _top_share,
        needs=("buyers",),
    ),
)
"""In the order of a report."""
