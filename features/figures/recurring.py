"""The figures of monthly recurring revenue (MRR): its movements, and how much of it was retained.

Their measures are those of `features.figures.subscriptions`, which says what is withheld with what.
"""

from __future__ import annotations

from operator import itemgetter

from features.figures.definition import Figure, Sums, ratio


def _kept(of: Sums) -> float:
    """Return what is left of the MRR at the start of those who had it, more of it not counted."""
    return of["sub_mrr_start"] - of["sub_mrr_contraction"] - of["sub_mrr_churned"]


RECURRING: tuple[Figure, ...] = (
    Figure(
        "mrr_start",
        "MRR at the start",
        "MRR ved periodens start",
        "money",
        "Monthly recurring revenue (MRR): what the subscriptions that ran as the period began "
        "bring a month.",
        "Månedlig tilbagevendende omsætning (MRR): det, som de abonnementer, der løb, da perioden "
        "begyndte, indbringer om måneden.",
        "sub_paying",
        itemgetter("sub_mrr_start"),
    ),
    Figure(
        "mrr_new",
        "new MRR",
        "ny MRR",
        "money",
        "MRR at the end of the subscribers gained in the period, those won back among them.",
        "MRR ved slutningen fra de abonnenter, der er kommet til i perioden, herunder de "
        "tilbagevundne.",
        "sub_paying",
        itemgetter("sub_mrr_new"),
    ),
    Figure(
        "mrr_expansion",
        "expansion MRR",
        "udvidet MRR",
        "money",
        "How much more a month the customers who stayed and now pay more bring than at the start.",
        "Hvor meget mere om måneden de kunder, der blev og nu betaler mere, indbringer end ved "
        "starten.",
        "sub_paying",
        itemgetter("sub_mrr_expansion"),
    ),
    Figure(
        "mrr_contraction",
        "contraction MRR",
        "reduceret MRR",
        "money",
        "How much less a month the customers who stayed but now pay less bring than at the start.",
        "Hvor meget mindre om måneden de kunder, der blev, men nu betaler mindre, indbringer end "
        "ved starten.",
        "sub_paying",
        itemgetter("sub_mrr_contraction"),
    ),
    Figure(
        "mrr_churned",
        "churned MRR",
        "mistet MRR",
        "money",
        "MRR at the start of the subscribers lost in the period.",
        "MRR ved starten fra de abonnenter, der er mistet i perioden.",
        "sub_paying",
        itemgetter("sub_mrr_churned"),
    ),
    Figure(
        "mrr_end",
        "MRR at the end",
        "MRR ved periodens slutning",
        "money",
        "MRR of the subscriptions that ran as the period ended: start + new + expansion − "
        "contraction − churned.",
        "MRR af de abonnementer, der løb, da perioden sluttede: start + ny + udvidet − reduceret − "
        "mistet.",
        "sub_paying",
        itemgetter("sub_mrr_end"),
    ),
    Figure(
        "gross_revenue_retention",
        "gross revenue retention",
        "bruttofastholdelse af omsætning",
        "share",
        "Of the MRR at the start, the share kept, not counting what customers added: "
        "(start − contraction − churned) ÷ start.",
        "Den andel af MRR ved starten, der er bevaret, når kundernes udvidelser ikke tælles med: "
        "(start − reduceret − mistet) ÷ start.",
        "sub_paying",
        lambda of: ratio(_kept(of), of["sub_mrr_start"]),
    ),
    Figure(
        "net_revenue_retention",
        "net revenue retention",
        "nettofastholdelse af omsætning",
        "share",
        "What the customers at the start bring at the end, as a share of what they brought then: "
        "(start + expansion − contraction − churned) ÷ start.",
        "Det, som kunderne ved starten indbringer ved slutningen, som andel af det, de indbragte "
        "dengang: (start + udvidet − reduceret − mistet) ÷ start.",
        "sub_paying",
        lambda of: ratio(_kept(of) + of["sub_mrr_expansion"], of["sub_mrr_start"]),
    ),
    Figure(
        "arpa",
        "average revenue per account",
        "gennemsnitlig omsætning pr. abonnent",
        "money",
        "MRR at the end divided by the subscribers at the end (ARPA), a month.",
        "MRR ved slutningen divideret med antallet af abonnenter ved slutningen (ARPA), pr. måned.",
        "sub_paying",
        lambda of: ratio(of["sub_mrr_end"], of["sub_end"]),
    ),
)
