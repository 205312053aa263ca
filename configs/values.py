"""What a config is made of: closed sections, and values such as durations, zones, names, shares."""

from __future__ import annotations

import re
from typing import Annotated, Any
from urllib.parse import unquote
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    WithJsonSchema,
)

MOST_DAYS = 36_500
_IN_URL = re.compile(r"(\w+://[^\s:/@]*:)(.*)@")  # to the last @: a password may hold one
_IN_QUERY = re.compile(r"(?i)([?&](?:ssl)?password=)([^&\s]*)")
_DAYS_IN = {"d": 1, "w": 7}


class Section(BaseModel):
    """A closed part of a config: an unknown key or a wrong type is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


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


def without_password(text: str) -> str:
    """Return a text with three dots in the place of each password that a URL in it holds."""
    return _IN_QUERY.sub(r"\1…", _IN_URL.sub(r"\1…@", text))


def passwords(text: str) -> set[str]:
    """Return the passwords that URLs in a text hold, in each of their spellings."""
    held = {found[2] for pattern in (_IN_URL, _IN_QUERY) for found in pattern.finditer(text)}
    return {spelling for each in held for spelling in (each, unquote(each)) if spelling}


Duration = Annotated[
    int,
    BeforeValidator(_days),
    PlainSerializer(lambda days: f"{days}d", return_type=str),
    WithJsonSchema({"type": "string", "pattern": r"^\d{1,5}[dw]$", "examples": ["90d", "13w"]}),
]
"""Whole local days, written ``90d`` or ``13w``; 0 is allowed only where it says so."""

PositiveDuration = Annotated[Duration, Field(gt=0)]
Zone = Annotated[str, AfterValidator(_zone)]
Location = Annotated[str, PlainSerializer(without_password)]
"""A path or a URL; its password is told to nobody."""

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
