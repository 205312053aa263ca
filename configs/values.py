"""Values that a config holds: durations, zones, names, shares."""

from __future__ import annotations

import re
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

MOST_DAYS = 36_500
_DAYS_IN = {"d": 1, "w": 7}


def _days(value: Any) -> int:
    """Days in a duration such as ``90d`` or ``13w``."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,5})([dw])", value.strip())):
        if (days := int(found[1]) * _DAYS_IN[found[2]]) > MOST_DAYS:
            raise ValueError(f"must be at most {MOST_DAYS}d")
        return days
    raise ValueError("must be a duration in days or weeks such as 90d or 13w")


def _zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError("must be an IANA time zone such as Europe/Copenhagen") from None
    return value


Duration = Annotated[
    int,
    BeforeValidator(_days),
    PlainSerializer(lambda days: f"{days}d", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,5}[dw]$", "examples": ["90d", "13w"]}),
]
"""Whole local days, written ``90d`` or ``13w``; 0 is allowed only where it says so."""

PositiveDuration = Annotated[Duration, Field(gt=0)]
Zone = Annotated[str, AfterValidator(_zone)]
Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
