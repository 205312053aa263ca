"""What is found in events: their kinds, those that nobody declared, their days."""

from __future__ import annotations

from collections.abc import Iterator

from configs.schema import Config
from features.contract import quote_names
from features.findings.finding import Finding, counts, figures, listed, of_intake
from features.source import Tables


def of_events(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield what was found in the rows, by kind."""
    rows, intake = tables.need("events"), tables.intake["events"]
    held = figures(
        tables,
        rows.aggregate(
            customers=rows.customer_id.nunique(),
            first=rows.local_day.min(),
            last=rows.local_day.max(),
        ),
    )
    kinds = counts(tables, rows.kind)
    told = f"{intake.rows:,} by {held['customers']:,} customers: {listed(kinds)}"
    yield Finding("fine", "events", told)
    yield Finding("fine", "events: dates", f"{held['first']} to {held['last']}")
    if empty := [kind for kind in config.sources.event_kinds if kind not in kinds]:
        step = "mend their value, which is how the file writes a kind, or leave them out"
        yield Finding("look", "events: kinds without a row", quote_names(empty), step)
    if intake.undeclared:
        step = "their rows are left out; declare them in sources.events.kinds if they count"
        found = listed(dict(intake.undeclared))
        yield Finding("look", "events: kinds not declared", found, step)
    treated = " or ".join(sorted({source.duplicates for source in config.sources.events}))
    yield from of_intake(intake, treated, "events", "events: ")
