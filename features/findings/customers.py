"""What is found of who the customers are: whom the attributes describe, and who consents."""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce

import ibis
import ibis.expr.types as ir

from configs.schema import Config
from features.findings.finding import Finding, counts, figures, fine_unless
from features.source import Tables


def of_customers(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield of how many who did anything the attributes are known, and the consents given."""
    described = tables.need("customers").select("customer_id").distinct()
    told = [tables.transactions, tables.events, tables.subscriptions]
    ids = [rows.select("customer_id").distinct() for rows in told if rows is not None]
    active: ir.Table = reduce(lambda one, other: ibis.union(one, other, distinct=True), ids)
    count = figures(tables, active.aggregate(n=active.count()))["n"]
    matched = active.semi_join(described, "customer_id")
    known = figures(tables, matched.aggregate(n=matched.count()))["n"]
    yield fine_unless(
        known < count / 2,
        "attributes",
        f"known of {known:,} of {count:,} customers ({known / count:.0%})",
        "the others' attributes are missing, which models bear",
    )
    for purpose in config.sources.customers.consents:  # type: ignore[union-attr]
        yield _of_consent(tables, purpose)


def _of_consent(tables: Tables, purpose: str) -> Finding:
    held = counts(tables, latest(tables.need("customers"))[f"consent_{purpose}"])
    given, unknown, of = held.get(True, 0), held.get(None, 0), sum(held.values())
    told = f"given by {given:,} of {of:,} customers ({given / of:.0%})"
    told += f", unknown of {unknown:,}" * (unknown > 0)
    return Finding("fine", f"consent: {purpose}", told)


def latest(customers: ir.Table) -> ir.Table:
    """Return the last row of each customer."""
    if "valid_from" not in customers.columns:
        return customers
    newest = ibis.window(group_by="customer_id", order_by=ibis.desc("valid_from"))
    numbered = customers.mutate(place=ibis.row_number().over(newest))
    return numbered.filter(numbered.place == 0).drop("place")
