"""What a config is made of: closed sections, and values such as durations, zones, names, shares."""

from __future__ import annotations

import re
from pathlib import Path
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
from pydantic_core import PydanticCustomError

MOST_DAYS = 36_500
_IN_URL = re.compile(r"(?s)(://[^:]*:)(.*)@")  # to the last @: a password may hold one
_IN_QUERY = re.compile(r"(?i)(password\s*=\s*)(?!…(?:[ &]|$))([^&]*)")  # … was one before
_ENCODED = re.compile(r"(?:[^\s@/?#%]|%[0-9A-Fa-f]{2})*")
_URL = re.compile(r"(?i)\s*(jdbc:|[a-z][\w+.:-]*://)")
_PACKAGED = re.compile(r"package:[^./]+/.")
_DATE_PART = re.compile(r"%(?:[aAbBcdfgGhHIjmMnpSTuUVwWxXyYzZ%]|-[dHIjmMSy])")
_NOT_PLACES = {"localtime", "posix", "posixrules", "right"}  # files beside the zones
_DAYS_IN = {"d": 1, "w": 7}


class Section(BaseModel):
    """A closed part of a config: an unknown key or a wrong type is refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # it may hold a password
    )


def _days(value: Any) -> int:
    """Days in a duration such as ``90d`` or ``13w``."""
    if isinstance(value, str) and (found := re.fullmatch(r"(\d{1,5})([dw])", value.strip())):
        if (days := int(found[1]) * _DAYS_IN[found[2]]) > MOST_DAYS:
            raise ValueError(f"must be at most {MOST_DAYS}d")
        return days
    raise ValueError("must be a duration in days or weeks such as 90d or 13w")


def _zone(value: str) -> str:
    rule = "must be an IANA time zone such as Europe/Copenhagen"
    if value.partition("/")[0] in _NOT_PLACES:
        raise ValueError(rule)
    try:
        ZoneInfo(value)
    except (KeyError, ValueError, OSError):
        raise ValueError(rule) from None
    return value


def without_password(text: str) -> str:
    """Return a text with three dots in the place of each password that a URL in it holds."""
    return _IN_QUERY.sub(r"\1…", _IN_URL.sub(r"\1…@", text))


def passwords(text: str) -> set[str]:
    """Return the passwords that URLs in a text hold, in each of their spellings."""
    held = {found[2] for pattern in (_IN_URL, _IN_QUERY) for found in pattern.finditer(text)}
    return {spelling for each in held for spelling in (each, unquote(each)) if spelling}


def is_postgres(path: str) -> bool:
    """Say whether a path is the URL of a PostgreSQL database."""
    return path.startswith(("postgresql://", "postgres://"))


def _location(path: str) -> str:
    if rule := _broken_rule(path):
        raise PydanticCustomError("location", rule)  # which is told without the path
    return path


def _broken_rule(path: str) -> str | None:
    if is_postgres(path):
        encoded = "must have its user, password and any other @ percent-encoded, such as %40 for @"
        return None if _is_encoded(path) else encoded
    if _URL.match(path):
        return "must be a file, a folder, a glob or the URL postgresql://… of a database"
    if path.startswith("package:") and not _PACKAGED.match(path):
        return "must be package:NAME/FILE, with no dot in the NAME"
    if not Path(path).name:
        return "must name a file, a folder or a glob"
    return None


def _database_url(url: str) -> str:
    rule = "must be the URL postgresql://… of a database"
    if broken := _broken_rule(url) if is_postgres(url) else rule:
        raise PydanticCustomError("location", broken)  # which is told without the URL
    return url


def _is_encoded(url: str) -> bool:
    """Say whether a URL's user and passwords hold none of the characters that end them."""
    user = url.partition("://")[2].rpartition("@")[0]
    held = [user, *(found[2] for found in _IN_QUERY.finditer(url))]
    return all(_ENCODED.fullmatch(each) for each in held)


def _delimiter(value: str) -> str:
    if value in '"\r\n\0':
        raise ValueError("must be what stands between values: no quote and no line's end")
    return value


def _date_format(value: str) -> str:
    if "%" in _DATE_PART.sub("", value):
        raise ValueError("must be made of parts such as %d, %m, %Y, %H and %M")
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
Location = Annotated[str, AfterValidator(_location), PlainSerializer(without_password)]
"""A path or a URL; its password is told to nobody."""

DatabaseUrl = Annotated[str, AfterValidator(_database_url), PlainSerializer(without_password)]
"""The URL of a PostgreSQL database; its password is told to nobody."""

Delimiter = Annotated[str, Field(min_length=1, max_length=1), AfterValidator(_delimiter)]
DateFormat = Annotated[str, AfterValidator(_date_format)]
"""How stamps are written, in the notation of ``strptime``."""

Slug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
Share = Annotated[float, Field(ge=0, le=1)]
