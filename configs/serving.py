"""What a config may say of the service: what it answers, and what it takes."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from configs.values import PositiveDuration, Section, Share, Slug


class Checkpoints(Section):
    """Signed checkpoints of the record, which a service writes by itself."""

    folder: str = Field(
        min_length=1,
        description="where they go: a path, from the base's folder in var unless absolute; best "
        "one that nobody who can write to the record can change",
    )
    every_entries: int = Field(10_000, ge=1, description="entries after which the next is due")
    every_minutes: float = Field(60.0, gt=0, description="minutes after which the next is due")


class Serving(Section):
    """What the service and the batch answer, and the bounds of what they take."""

    reasons: int = Field(ge=0, le=50, description="how many reasons each way a score carries")
    language: Literal["en", "da"]
    bands: tuple[Share, Share] = Field(
        (0.3, 0.6),
        strict=False,
        description="the probabilities of leaving from which a customer is in the middle band, "
        "and in the high one",
    )
    purpose: Slug | None = Field(
        None,
        description="what scores are for, one of sources.customers.consents: who has not consented "
        "to it is given none",
    )
    old_after: PositiveDuration = Field(
        7, description="age from which stored features are flagged as old"
    )
    stale_after: PositiveDuration | None = Field(
        None, description="age from which no score is given by stored features; never unless given"
    )
    valid_for: PositiveDuration = Field(
        7, description="how long a row of a batch may be used: what its valid_until says"
    )
    max_customers: int = Field(
        ge=1, le=100_000, description="customers that one call may name by id"
    )
    max_given: int = Field(
        1_000, ge=1, le=100_000, description="customers that one call may give features or rows of"
    )
    max_rows: int = Field(
        10_000, ge=1, le=1_000_000, description="rows of one customer that a call may give"
    )
    max_body_mb: float = Field(gt=0, description="size of one call's body, in MB")
    max_nesting: int = Field(
        16, ge=8, le=100, description="how deep lists and objects of a body may lie in each other"
    )
    max_waiting: int = Field(
        16, ge=1, le=10_000, description="calls in hand at once; the next is answered 429"
    )
    calls_per_minute: int = Field(
        60_000, ge=1, description="calls that one key may make a minute; the next is answered 429"
    )
    timeout: float = Field(
        30.0, gt=0, le=3_600, description="seconds after which a call is answered 504"
    )
    record_for: PositiveDuration | None = Field(
        None,
        description="how long the record keeps what scores say: `stamkunde audit retire` lets go "
        "of what is older; for ever unless given",
    )
    checkpoints: Checkpoints | None = Field(
        None, description="written by `stamkunde audit checkpoint` alone unless given"
    )
    remembered_for: PositiveDuration = Field(
        1, description="how long the answer to an Idempotency-Key is kept"
    )

    @field_validator("bands")
    @classmethod
    def _parted(cls, bands: tuple[float, float]) -> tuple[float, float]:
        if bands[0] >= bands[1]:
            raise ValueError("must rise: the high band begins above the middle one")
        return bands
