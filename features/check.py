"""Is the data fit for the job: what was found in it, and what to do about it."""

from __future__ import annotations

from collections.abc import Sequence

from configs.schema import Config
from features.findings.contradictions import of_contradictions
from features.findings.customers import of_customers
from features.findings.events import of_events
from features.findings.finding import Finding
from features.findings.snapshot import of_snapshot
from features.findings.subscriptions import of_subscriptions
from features.findings.tasks import of_tasks
from features.findings.transactions import of_transactions
from features.source import Tables

_OF_TABLE = {
    "transactions": of_transactions,
    "subscriptions": of_subscriptions,
    "events": of_events,
    "customers": of_customers,
    "snapshot": of_snapshot,
}


def check(config: Config, tables: Tables) -> list[Finding]:
    """Return what was found in a customer base's tables, in the order of reading."""
    found: list[Finding] = []
    for name, look in _OF_TABLE.items():
        if getattr(tables, name) is not None:
            found += look(config, tables)
    found += of_contradictions(config, tables)
    if tables.snapshot is None:
        found += of_tasks(config, tables)
    return found


def unfit(findings: Sequence[Finding]) -> bool:
    """Say whether training cannot be meant."""
    return any(finding.level == "stop" for finding in findings)
