"""Where what a customer is said to have done contradicts the dated tables.

A flag that claims churn is held against the events that record it and against the subscriptions;
those events are held against the subscriptions. Declared claims are known by ``says: churned``
and ``role: churn``, others by their names.
"""

from __future__ import annotations

from collections.abc import Iterator

import ibis.expr.types as ir

from configs.schema import Config
from features.findings.customers import latest
from features.findings.finding import Finding, figures, fine_unless
from features.findings.subscriptions import run_at_the_end
from features.source import Tables

_WORDS = ("churn", "cancel", "attrition", "terminated")
_MANY = 0.05  # of the customers whom a claim is about


def of_contradictions(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield a finding for each claim and each table that it can be held against."""
    yield from _of_undeclared(config)
    claims = [
        name
        for name, held in config.attributes.items()
        if held.kind == "flag" and (held.says or _is_of_churn(name, held.column))
    ]
    losses = _losses(config, tables)
    for claim in claims if tables.customers is not None else []:
        said = latest(tables.need("customers")).select("customer_id", says=claim).drop_null("says")
        if losses is not None:
            yield _against_events(tables, claim, said, losses)
        if tables.subscriptions is not None:
            yield _against_subscriptions(config, tables, claim, said)
    if losses is not None and tables.subscriptions is not None:
        yield _events_against_subscriptions(config, tables, losses)


def _is_of_churn(*names: str | None) -> bool:
    return any(word in name.lower() for name in names if name for word in _WORDS)


def _of_undeclared(config: Config) -> Iterator[Finding]:
    for name, held in config.inputs.items():
        if _is_of_churn(name, held.column):
            step = "if it tells who left, say says: churned of a flag, and leave any other out"
            yield Finding("look", f"{name}: an input", "by its name it knows the answer", step)


def _losses(config: Config, tables: Tables) -> ir.Table | None:
    """Return the events that record a customer's loss, none if no kind does."""
    kinds = [
        slug
        for slug, kind in config.sources.event_kinds.items()
        if kind.role == "churn" or _is_of_churn(slug, kind.value)
    ]
    return tables.need("events").filter(lambda rows: rows.kind.isin(kinds)) if kinds else None


def _against_events(tables: Tables, claim: str, said: ir.Table, losses: ir.Table) -> Finding:
    return _compared(
        tables,
        f"{claim}: churn events",
        "a churn event exists for",
        said,
        losses.select("customer_id").distinct(),
    )


def _against_subscriptions(config: Config, tables: Tables, claim: str, said: ir.Table) -> Finding:
    ever = tables.need("subscriptions").select("customer_id").distinct()
    return _compared(
        tables,
        f"{claim}: subscriptions",
        "no subscription runs any more for",
        said.semi_join(ever, "customer_id"),
        ever.anti_join(run_at_the_end(config, tables), "customer_id"),
    )


def _compared(tables: Tables, what: str, fact: str, said: ir.Table, true_of: ir.Table) -> Finding:
    """Hold a claim (``customer_id``, ``says``) against the customers that a fact is true of."""
    beside = said.left_join(true_of.mutate(is_true=True), "customer_id")
    rows = beside.aggregate(
        rows=lambda held: held.count(), by=["says", beside.is_true.fill_null(False).name("is_true")]
    )
    held = {
        (each["says"], each["is_true"]): each["rows"]
        for each in tables.backend.to_pyarrow(rows).to_pylist()
    }
    hit, missed = held.get((True, True), 0), held.get((True, False), 0)
    unsaid, silent = held.get((False, True), 0), held.get((False, False), 0)
    wrong, of = missed + unsaid, hit + missed + unsaid + silent
    return fine_unless(
        wrong > _MANY * of,
        what,
        f"{fact} {hit:,} of {hit + missed:,} customers it says churned, "
        f"and for {unsaid:,} of {unsaid + silent:,} it says did not",
        f"they contradict each other in {wrong:,} of {of:,} customers: find out which is right, "
        "and learn from neither until then",
    )


def _events_against_subscriptions(config: Config, tables: Tables, losses: ir.Table) -> Finding:
    """Count the recorded losses of customers whose subscription of then has never ended."""
    still = run_at_the_end(config, tables).select("customer_id", "started_at")
    lasting = still.group_by("customer_id").aggregate(since=still.started_at.min())
    beside = losses.left_join(lasting, "customer_id")
    held = figures(
        tables,
        beside.aggregate(
            events=beside.count(), kept=(beside.since < beside.occurred_at).sum().fill_null(0)
        ),
    )
    return fine_unless(
        held["kept"] > _MANY * held["events"],
        "churn events: subscriptions",
        f"after {held['kept']:,} of {held['events']:,} churn events, a subscription that had begun "
        "before runs to this day",
        "they contradict each other, unless such an event is the loss of one subscription of "
        "several: find out before anything is learned from either",
    )
