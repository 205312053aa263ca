"""What is found in purchases and returns."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from configs.schema import Config
from features.findings.finding import Finding, figures, fine_unless, of_intake, share
from features.source import Tables

_LONGEST_SILENCE = 7  # days in which nobody bought anything: past it, rows are likely missing
_MANY_RETURNS = 0.15
_GAPS = "days without a purchase"


def of_transactions(config: Config, tables: Tables) -> Iterator[Finding]:
    """Yield what was found in the rows, their days and their amounts."""
    rows, intake = tables.need("transactions"), tables.intake["transactions"]
    held = figures(
        tables,
        rows.aggregate(
            customers=rows.customer_id.nunique(),
            first=rows.local_day.min(),
            last=rows.local_day.max(),
            returned=(0 - rows.amount).sum(where=rows.amount < 0).cast("float64"),
            spent=rows.amount.sum(where=rows.amount > 0).cast("float64"),
            free=(rows.amount == 0).sum(),
            kept=rows.count(),
        ),
    )
    yield Finding("fine", "rows", f"{intake.rows:,} by {held['customers']:,} customers")
    first, last = held["first"], held["last"]
    days = (last - first).days + 1
    yield Finding("fine", "dates", f"{first} to {last}, {days} days in {config.timezone}")
    yield _gaps(tables)
    treated = config.sources.transactions.duplicates  # type: ignore[union-attr]
    yield from of_intake(intake, treated, "transactions")
    spent, returned = held["spent"] or 0.0, held["returned"] or 0.0
    if spent <= 0:
        yield Finding("stop", "amounts", "no positive amount", "map amount to what was paid")
        return
    part = returned / spent
    yield fine_unless(
        part > _MANY_RETURNS,
        "returns",
        f"{part:.1%} of what was spent ({returned:,.0f} {config.currency})",
        "see that cancelled orders stand beside the orders they cancel",
    )
    yield share("rows of amount 0", held["free"], held["kept"], 0.05, "they are no purchase")


def _gaps(tables: Tables) -> Finding:
    rows = tables.need("transactions")
    days = sorted(
        tables.backend.to_pyarrow(rows.select("local_day").distinct()).column(0).to_pylist()
    )
    length, start, end = max(
        (((after - before).days - 1, before, after) for before, after in pairwise(days)),
        default=(0, days[0], days[0]),
    )
    if length <= _LONGEST_SILENCE:
        return Finding("fine", _GAPS, f"at most {length} days in a row without one")
    told = f"{length} in a row, between {start} and {end}"
    return Finding("look", _GAPS, told, "if the shop was open then, rows are missing")
