"""Who held a subscription and what it brought, at both ends of a period and in between.

A customer is one who has a subscription running (`features.running`), however many and on whatever
plan: a change of plan is neither a loss nor a gain, and who comes and goes within the period is
neither. Both ends are told as they are known at the period's end: an end that was agreed on but
lies past it is none, and a start or an end that was learnt of late is where it belongs in time.

The movements of customers add up, and so do those of the monthly recurring revenue (MRR):

- end = start + gained − lost;
- MRR at the end = MRR at the start + new + expansion − contraction − churned.

Each follows from the others, so that they are about the same customers: they are withheld together
or not at all. It is no secret, then, that one of them was lost in a group large enough to tell of.
"""

from __future__ import annotations

from operator import itemgetter

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features.figures.definition import Figure, Period, ratio
from features.figures.recurring import RECURRING
from features.running import running, start_is_known
from features.source import Tables
from features.timeline import stamp

_MONEY = "decimal(38, 4)"


def measures(config: Config, tables: Tables, period: Period) -> ir.Table | None:
    """Return what each customer of subscriptions adds to the figures.

    Returns
    -------
    Table or None
        A row a customer of whom a subscription had begun, and was known, by the period's end;
        None without subscriptions. Zero or one: ``sub_start``, ``sub_end``, ``sub_gained`` (of
        whom ``sub_first_time`` or ``sub_won_back``), ``sub_lost`` and ``sub_customers`` (at either
        end). Where there is an MRR, unknown as nothing: ``sub_mrr_start``, ``sub_mrr_end``,
        ``sub_mrr_new``, ``sub_mrr_expansion``, ``sub_mrr_contraction``, ``sub_mrr_churned``, and
        ``sub_paying``: whether there is any at either end.
    """
    if tables.subscriptions is None:
        return None
    start, end = (ibis.literal(stamp(day, config.timezone)) for day in (period.start, period.end))
    rows = tables.subscriptions
    rows = rows.filter(rows.started_at < end, start_is_known(rows, end))
    ran, runs = running(rows, start, end), running(rows, end, end)
    revenue = {}
    if "mrr" in rows.columns:
        revenue = {"mrr_start": _brought(rows, ran), "mrr_end": _brought(rows, runs)}
    held = rows.group_by("customer_id").aggregate(
        ran=_any(ran), runs=_any(runs), before=_any(rows.started_at < start), **revenue
    )
    return held.select("customer_id", **_customers(held), **(_revenue(held) if revenue else {}))


def _any(held: ir.BooleanColumn) -> ir.BooleanScalar:
    return held.ifelse(1, 0).max() > 0


def _brought(rows: ir.Table, which: ir.BooleanColumn) -> ir.DecimalScalar:
    return which.ifelse(rows.mrr, None).sum().fill_null(0).cast(_MONEY)


def _customers(held: ir.Table) -> dict[str, ir.IntegerColumn]:
    gained = held.runs & ~held.ran
    told = {
        "sub_start": held.ran,
        "sub_end": held.runs,
        "sub_gained": gained,
        "sub_first_time": gained & ~held.before,
        "sub_won_back": gained & held.before,
        "sub_lost": held.ran & ~held.runs,
        "sub_customers": held.ran | held.runs,
    }
    return {name: column.cast("int64") for name, column in told.items()}


def _revenue(held: ir.Table) -> dict[str, ir.NumericColumn]:
    """Return the movements of MRR, each customer's in one of them."""
    stayed, more = held.ran & held.runs, held.mrr_end - held.mrr_start
    told = {
        "sub_mrr_start": held.mrr_start,
        "sub_mrr_end": held.mrr_end,
        "sub_mrr_new": held.ran.ifelse(0, held.mrr_end),
        "sub_mrr_expansion": (stayed & (more > 0)).ifelse(more, 0),
        "sub_mrr_contraction": (stayed & (more < 0)).ifelse(-more, 0),
        "sub_mrr_churned": held.runs.ifelse(0, held.mrr_start),
    }
    paying = (held.mrr_start != 0) | (held.mrr_end != 0)
    return {
        **{name: column.cast(_MONEY) for name, column in told.items()},
        "sub_paying": paying.cast("int64"),
    }


FIGURES: tuple[Figure, ...] = (
    Figure(
        "subscribers_start",
        "subscribers at the start",
        "abonnenter ved periodens start",
        "count",
        "Customers who had a subscription running as the period began.",
        "Kunder, der havde et løbende abonnement, da perioden begyndte.",
        "sub_customers",
        itemgetter("sub_start"),
    ),
    Figure(
        "subscribers_gained",
        "subscribers gained",
        "tilkomne abonnenter",
        "count",
        "Customers with a subscription running at the period's end who had none at its start.",
        "Kunder med et løbende abonnement ved periodens slutning, som ikke havde noget ved dens "
        "start.",
        "sub_customers",
        itemgetter("sub_gained"),
    ),
    Figure(
        "subscribers_first_time",
        "subscribers for the first time",
        "førstegangsabonnenter",
        "count",
        "Those gained who had never had a subscription before the period.",
        "De tilkomne abonnenter, der aldrig havde haft et abonnement før perioden.",
        "sub_customers",
        itemgetter("sub_first_time"),
    ),
    Figure(
        "subscribers_won_back",
        "subscribers won back",
        "tilbagevundne abonnenter",
        "count",
        "Those gained who had had a subscription before the period, but none as it began.",
        "De tilkomne abonnenter, der tidligere havde haft et abonnement, men ikke havde noget, da "
        "perioden begyndte.",
        "sub_customers",
        itemgetter("sub_won_back"),
    ),
    Figure(
        "subscribers_lost",
        "subscribers lost",
        "mistede abonnenter",
        "count",
        "Customers with a subscription running at the period's start who had none at its end; a "
        "change of plan is no loss.",
        "Kunder med et løbende abonnement ved periodens start, som ikke havde noget ved dens "
        "slutning; et skift af abonnementstype er ikke et tab.",
        "sub_customers",
        itemgetter("sub_lost"),
    ),
    Figure(
        "subscribers_end",
        "subscribers at the end",
        "abonnenter ved periodens slutning",
        "count",
        "Customers with a subscription running as the period ended: those at the start, plus "
        "those gained, less those lost.",
        "Kunder med et løbende abonnement, da perioden sluttede: abonnenterne ved starten plus de "
        "tilkomne minus de mistede.",
        "sub_customers",
        itemgetter("sub_end"),
    ),
    Figure(
        "subscriber_retention_rate",
        "retention rate of subscribers",
        "fastholdelsesgrad for abonnenter",
        "share",
        "Of the subscribers at the start, the share that still had a subscription at the end: "
        "(end − gained) ÷ start.",
        "Den andel af abonnenterne ved starten, der stadig havde et abonnement ved slutningen: "
        "(slutning − tilkomne) ÷ start.",
        "sub_customers",
        lambda of: ratio(of["sub_end"] - of["sub_gained"], of["sub_start"]),
    ),
    Figure(
        "subscriber_churn_rate",
        "churn rate of subscribers",
        "abonnentafgang",
        "share",
        "Of the subscribers at the start, the share that had none at the end: lost ÷ start.",
        "Den andel af abonnenterne ved starten, der ikke havde noget abonnement ved slutningen: "
        "mistede ÷ start.",
        "sub_customers",
        lambda of: ratio(of["sub_lost"], of["sub_start"]),
    ),
    *RECURRING,
)
