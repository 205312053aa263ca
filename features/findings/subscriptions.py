"""What is found in subscriptions: which run, what they bring, and how they follow each other."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features.findings.finding import (
    Finding,
    counts,
    figures,
    fine_unless,
    listed,
    of_intake,
    share,
)
from features.running import running
from features.source import Tables, first_and_last_day
from features.timeline import instant

_FAR = datetime(9999, 1, 1)  # noqa: DTZ001 - an instant in UTC, as all are inside
_MANY_FREE = 0.2


def of_subscriptions(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield what was found in the rows, their starts and ends, plans and revenue."""
    rows, intake = tables.need("subscriptions"), tables.intake["subscriptions"]
    held = figures(
        tables,
        rows.aggregate(
            customers=rows.customer_id.nunique(),
            first=rows.start_day.min(),
            last=rows.start_day.max(),
        ),
    )
    told = f"{intake.rows:,} by {held['customers']:,} customers"
    yield Finding("fine", "subscriptions", told)
    yield Finding("fine", "subscriptions: starts", f"{held['first']} to {held['last']}")
    treated = config.sources.subscriptions.duplicates  # type: ignore[union-attr]
    yield from of_intake(intake, treated, "subscriptions", "subscriptions: ")
    if "ended_at" in rows.columns:
        yield from _of_ends(config, tables, rows)
        yield _of_order(tables, rows)
    yield _of_running(config, tables)
    if "plan" in rows.columns:
        yield Finding("fine", "subscriptions: plans", listed(counts(tables, rows.plan)))
    if "mrr" in rows.columns:
        yield from _of_revenue(tables, rows, intake.rows)


def run_at_the_end(config: Config, tables: Tables) -> ir.Table:
    """Return the subscriptions that run as the last day that the data cover is over."""
    rows = tables.need("subscriptions")
    over = instant(_last_day(config, tables) + timedelta(days=1), config.timezone)
    at = ibis.literal(over.replace(tzinfo=None))
    return rows.filter(running(rows, at, at))


def _last_day(config: Config, tables: Tables) -> date:
    return config.timeline.last or first_and_last_day(tables)[1]


def _of_ends(config: Config, tables: Tables, rows: ir.Table) -> Iterator[Finding]:
    last = _last_day(config, tables)
    held = figures(
        tables,
        rows.aggregate(
            ended=rows.ended_at.count(),
            first=rows.end_day.min(),
            last=rows.end_day.max(),
            ahead=(rows.end_day > last).sum(),
            at_once=(rows.ended_at == rows.started_at).sum(),
            rows=rows.count(),
        ),
    )
    if not held["ended"]:
        step = "map ended_at to the column that says when a subscription ended"
        yield Finding("look", "subscriptions: ends", "none", step)
        return
    ahead = held["ahead"] or 0
    yield fine_unless(
        ahead > 0,
        "subscriptions: ends",
        f"{held['ended']:,} from {held['first']} to {held['last']}"
        + f", {ahead:,} of them after {last}, the last day that the data tell of" * (ahead > 0),
        "they count as running until then; if the data reach further, set timeline.last",
    )
    yield share(
        "subscriptions: ended as they began",
        held["at_once"] or 0,
        held["rows"],
        0.05,
        "they never run; if they were on trial, map started_at to the trial's start",
    )


def _of_order(tables: Tables, rows: ir.Table) -> Finding:
    """Say how many customers had several at once, and how many came back after a break."""
    rows = rows.select("customer_id", "started_at", end=rows.ended_at.fill_null(_FAR))
    order = ibis.cumulative_window(group_by="customer_id", order_by=["started_at", "end"])
    reach = rows.mutate(reach=rows.end.max().over(order))
    follow = ibis.window(group_by="customer_id", order_by=["started_at", "end"])
    after = reach.mutate(before=reach.reach.lag().over(follow))
    held = figures(
        tables,
        after.aggregate(
            overlap=after.customer_id.nunique(where=after.started_at < after.before),
            gap=after.customer_id.nunique(where=after.started_at > after.before),
        ),
    )
    told = (
        f"several at once for {held['overlap']:,} customers, a break and back for {held['gap']:,}"
    )
    return Finding("fine", "subscriptions: overlaps and gaps", told)


def _of_running(config: Config, tables: Tables) -> Finding:
    now = run_at_the_end(config, tables)
    revenue = {"mrr": now.mrr.sum().cast("float64")} if "mrr" in now.columns else {}
    held = figures(
        tables, now.aggregate(rows=now.count(), customers=now.customer_id.nunique(), **revenue)
    )
    told = f"{held['rows']:,} of {held['customers']:,} customers"
    if "mrr" in held:
        told += f", MRR {held['mrr'] or 0:,.0f} {config.currency}"
    what = f"subscriptions: running after {_last_day(config, tables)}"
    return fine_unless(
        not held["rows"], what, told, "nobody is left to keep: see that ended_at is mapped rightly"
    )


def _of_revenue(tables: Tables, rows: ir.Table, count: int) -> Iterator[Finding]:
    held = figures(
        tables,
        rows.aggregate(
            missing=rows.mrr.isnull().sum(), free=(rows.mrr == 0).sum(), below=(rows.mrr < 0).sum()
        ),
    )
    yield share("MRR: missing", held["missing"], count, 0.05, "they count as nothing")
    step = "trials and gifts count as subscriptions: leave their rows out if they should not"
    yield share("MRR: of 0", held["free"] or 0, count, _MANY_FREE, step)
    if held["below"]:
        step = "a subscription brings money: map mrr to what is paid a month"
        yield Finding("look", "MRR: negative", f"{held['below']:,} rows", step)
