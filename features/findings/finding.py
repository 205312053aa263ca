"""One thing that was found in the data, and how figures are read and told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import ibis.expr.types as ir

from features.source import Intake, Tables

_MANY_GUESTS, _MANY_DUPLICATES = 0.10, 0.005

Level = Literal["fine", "look", "stop"]


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    level : {"fine", "look", "stop"}
        ``stop`` where training cannot be meant.
    what : str
        What was looked at.
    found : str
        What there is, in figures.
    step : str
        What to do; empty where nothing needs doing.
    """

    level: Level
    what: str
    found: str
    step: str = ""


def fine_unless(wrong: bool, what: str, found: str, step: str) -> Finding:
    """Return a finding that is worth a look where something is wrong, and else says no step."""
    return Finding("look", what, found, step) if wrong else Finding("fine", what, found)


def share(what: str, count: int, of: int, bound: float, step: str) -> Finding:
    """Return how many rows are of a kind, worth a look where they are more than a share of all."""
    part = count / of
    told = f"{count:,} rows ({part:.1%})" if count else "none"
    return fine_unless(part > bound, what, told, step)


def of_intake(intake: Intake, treated: str, table: str, prefix: str = "") -> Iterator[Finding]:
    """Yield how many rows named nobody or repeated another; `treated` is what becomes of these."""
    yield share(
        f"{prefix}guests",
        intake.guests,
        intake.rows,
        _MANY_GUESTS,
        "rows without a customer id are left out; if they are many, ask for the id at the source",
    )
    if intake.duplicates is None:
        return
    yield share(
        f"{prefix}duplicates",
        intake.duplicates,
        intake.rows,
        _MANY_DUPLICATES,
        f"rows that repeat another in every column; now: {treated}. If they are errors of an "
        f"export, set sources.{table}.duplicates: drop",
    )


def figures(tables: Tables, table: ir.Table) -> dict[str, Any]:
    """Return the one row of an aggregate."""
    return tables.backend.to_pyarrow(table).to_pylist()[0]


def counts(tables: Tables, column: ir.Column) -> dict[Any, int]:
    """Return how often each value of a column stands in it, the most frequent first."""
    rows = column.as_table().aggregate(rows=lambda held: held.count(), by=[column.get_name()])
    told = tables.backend.to_pyarrow(rows).to_pylist()
    found = {each[column.get_name()]: each["rows"] for each in told}
    return dict(sorted(found.items(), key=lambda each: (-each[1], str(each[0]))))


def listed(counted: dict[Any, int], most: int = 12) -> str:
    """List values with their counts, cut to ``most`` of them."""
    told = [f"{value or 'none'} {count:,}" for value, count in counted.items()]
    return ", ".join(told[:most]) + (f" and {len(told) - most} more" if len(told) > most else "")
