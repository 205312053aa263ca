"""The latest outcomes, as `stamkunde outcomes` leaves them for the auditor's page: no person's."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from serving.record.merkle import put, sync, temporary_beside
from serving.watching.outcome import OutcomeWeek
from training.bootstrap import Interval

FILE = Path("watching", "outcomes.json")


@dataclass(frozen=True)
class Kept:
    """Outcomes as they were told.

    Parameters
    ----------
    at : datetime
        When they were worked out.
    as_of : date
        What became known on this day or later counted for nothing.
    weeks : tuple of OutcomeWeek
    """

    at: datetime
    as_of: date
    weeks: tuple[OutcomeWeek, ...]


def write(var: Path, kept: Kept) -> Path:
    """Put outcomes in the place of those that were there; return the file."""
    file = var / FILE
    held = {"at": kept.at.isoformat(), "as_of": str(kept.as_of), "weeks": as_data(kept.weeks)}
    file.parent.mkdir(parents=True, exist_ok=True)
    with temporary_beside(file) as temporary:
        temporary.write_text(json.dumps(held, indent=1) + "\n")
        sync(temporary)
        put(temporary, file)
    return file


def read(var: Path) -> Kept | None:
    """Return the latest outcomes; None where none were ever told, or not by this version."""
    try:
        held = json.loads((var / FILE).read_bytes())
        at, as_of = datetime.fromisoformat(held["at"]), date.fromisoformat(held["as_of"])
        return Kept(at, as_of, tuple(map(_week, held["weeks"])))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def as_data(weeks: Sequence[OutcomeWeek]) -> list[dict[str, Any]]:
    """Return outcomes as JSON can hold them; the end of an interval that there is not is null."""
    return [
        {
            **vars(each),
            "week": str(each.week),
            "until": str(each.until),
            "metrics": {
                name: {end: _number(value) for end, value in vars(found).items()}
                for name, found in each.metrics.items()
            },
        }
        for each in weeks
    ]


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _week(held: Mapping[str, Any]) -> OutcomeWeek:
    days = {name: date.fromisoformat(held[name]) for name in ("week", "until")}
    metrics = {
        name: Interval(**{end: math.nan if x is None else x for end, x in found.items()})
        for name, found in held["metrics"].items()
    }
    return OutcomeWeek(**{**held, **days, "metrics": metrics})
