"""The figures of who is a customer: gained, lost and kept; active, passive and new.

All of them say of the customers of a period who they are, and each follows from the others. So
they are about the same customers, and withheld together or not at all; but who is passive is of
everybody known too, and withheld also where that is.
"""

from __future__ import annotations

from operator import itemgetter

from features.figures.definition import Figure, ratio

CUSTOMERS: tuple[Figure, ...] = (
    Figure(
        "start",
        "customers at the start",
        "kunder ved periodens start",
        "count",
        "Customers as the period began: who had bought within the days before it that make a "
        "customer active.",
        "Kunder, da perioden begyndte: de, der havde købt inden for de dage før den, som gør en "
        "kunde aktiv.",
        "served",
        itemgetter("start"),
    ),
    Figure(
        "gained",
        "new customers",
        "nye kunder",
        "count",
        "Customers at the end who were none at the start.",
        "Kunder ved periodens slutning, som ikke var det ved dens start.",
        "served",
        itemgetter("gained"),
    ),
    Figure(
        "first_time",
        "new customers, for the first time",
        "nye kunder, for første gang",
        "count",
        "New customers whose first purchase lies in the period.",
        "Nye kunder, hvis første køb ligger i perioden.",
        "served",
        itemgetter("first_time"),
    ),
    Figure(
        "won_back",
        "new customers, won back",
        "nye kunder, vundet tilbage",
        "count",
        "New customers who had bought before, but too long before the period to be customers at "
        "its start.",
        "Nye kunder, der havde købt før, men for længe før perioden til at være kunder ved dens "
        "start.",
        "served",
        itemgetter("won_back"),
    ),
    Figure(
        "lost",
        "customers lost",
        "mistede kunder",
        "count",
        "Customers at the start who were none at the end.",
        "Kunder ved periodens start, som ikke var det ved dens slutning.",
        "served",
        itemgetter("lost"),
    ),
    Figure(
        "end",
        "customers at the end",
        "kunder ved periodens slutning",
        "count",
        "Customers as the period ended: those at the start and the new ones, less those lost.",
        "Kunder, da perioden sluttede: dem ved dens start og de nye, fraregnet de mistede.",
        "served",
        itemgetter("end"),
    ),
    Figure(
        "retention_rate",
        "retention rate",
        "fastholdelsesgrad",
        "share",
        "The share of customers at the start who still were at the end: (customers at the end − "
        "new customers) ÷ customers at the start.",
        "Andelen af kunderne ved periodens start, som stadig var kunder ved dens slutning: (kunder "
        "ved slutningen − nye kunder) ÷ kunder ved starten.",
        "served",
        lambda sums: ratio(sums["end"] - sums["gained"], sums["start"]),
    ),
    Figure(
        "churn_rate",
        "churn rate",
        "kundeafgang",
        "share",
        "Customers lost ÷ customers at the start; with the retention rate it makes 100 %.",
        "Mistede kunder ÷ kunder ved periodens start; sammen med fastholdelsesgraden giver det "
        "100 %.",
        "served",
        lambda sums: ratio(sums["lost"], sums["start"]),
    ),
    Figure(
        "known",
        "customers known",
        "kendte kunder",
        "count",
        "Everybody with an order by the end of the period: the active, the passive and the new.",
        "Alle med en ordre inden periodens slutning: de aktive, de passive og de nye.",
        "known",
        itemgetter("known"),
    ),
    Figure(
        "active",
        "active customers",
        "aktive kunder",
        "count",
        "Customers at the end whose first purchase lies before the period.",
        "Kunder ved periodens slutning, hvis første køb ligger før perioden.",
        "served",
        itemgetter("active"),
    ),
    Figure(
        "passive",
        "passive customers",
        "passive kunder",
        "count",
        "Known customers who were none at the end, and whose first purchase does not lie in the "
        "period.",
        "Kendte kunder, der ikke var kunder ved periodens slutning, og hvis første køb ikke ligger "
        "i perioden.",
        "served",
        itemgetter("passive"),
        beside=("known",),  # who all are passive are as many as are known
    ),
    Figure(
        "new",
        "first-time buyers",
        "førstegangskøbere",
        "count",
        "Known customers whose first purchase lies in the period.",
        "Kendte kunder, hvis første køb ligger i perioden.",
        "served",
        itemgetter("new"),
    ),
)
"""In the order of a report."""
