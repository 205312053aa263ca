"""What the models of the interface are made of: closed parts, and values with rules."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field


def _real_day(value: str) -> str:
    date.fromisoformat(value)
    return value


Day = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
        json_schema_extra={"format": "date"},
        examples=["2017-12-04"],
    ),
    AfterValidator(_real_day),
]
CustomerId = Annotated[
    str,
    # No control characters: databases differ in what they make of them.
    Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$", examples=["1"]),
]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
TaskName = Literal["churn", "clv", "segments"]
WayName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$", examples=["behaviour"])]
Coded = Annotated[str, Field(pattern=r"^(churn|clv|segments\.[a-z][a-z0-9_]{0,62})$")]
Chance = Annotated[float, Field(ge=0, le=1)]
BandName = Literal["low", "middle", "high"]


class Part(BaseModel):
    """A closed part of the interface: an unknown key or a wrong type is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Parameters(BaseModel):
    """What is asked in an address, after its question mark; all of it is text there."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def _digits(value: Any) -> Any:
    if isinstance(value, str) and not (value.isascii() and value.isdecimal() and len(value) < 10):
        raise ValueError("must be a whole number, in digits alone")
    return value


Digits = BeforeValidator(_digits)
"""A number is written in digits alone, as all is text in an address."""
