"""A score told again from the record: how it is asked for, and what is answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.api.parts import Digits, Parameters, Part, WayName
from serving.api.scores import Apart, Churn, Clv, Directions, NextPurchase, Score, Segment
from training.quantities import Language


class RecordedAsked(Parameters):
    """How to tell a score that is on record."""

    reasons: Annotated[int, Digits] | None = Field(
        None, ge=0, le=50, description="how many reasons each way; as many as then unless given"
    )
    language: Language | None = Field(
        None, description="of the reasons; Accept-Language's, or else that of then, unless given"
    )


class RecordedNextPurchase(NextPurchase):
    """When a purchase is as likely as not to have come, as it is on record."""

    text: str | None = None  # type: ignore[assignment]  # wider: the record has no words


class RecordedChurn(Churn):
    """The risk that the customer leaves, as it is on record."""

    next_purchase: RecordedNextPurchase | None
    base: float | None = Field(  # type: ignore[assignment]  # wider: a batch may be without
        description="the probability before any reason; null where none was asked for"
    )
    reasons: Directions | None  # type: ignore[assignment]  # wider: the record has no words


class RecordedClv(Clv):
    """What the customer is expected to be worth, as it is on record."""

    currency: str | None  # type: ignore[assignment]  # wider: the bundle has it
    horizon_days: int | None  # type: ignore[assignment]
    base: float | None = Field(  # type: ignore[assignment]
        description="the value before any reason; null where none was asked for"
    )
    reasons: Directions | None  # type: ignore[assignment]


class RecordedValueAtRisk(Part):
    """The money that is expected to be lost by the customer's leaving, as it is on record."""

    amount: float
    if_stays: float
    currency: str | None
    horizon_days: int | None


class RecordedSegment(Segment):
    """The segment that the customer belongs to, as it is on record."""

    reasons: Apart | None  # type: ignore[assignment]  # wider: the record has no words


class RecordedScore(Score):
    """A score as it stands in the record, told again.

    It is computed anew from the features and the models on record. Where that gives other bytes
    than those recorded, or a model is no longer kept, only the recorded numbers are told.
    """

    id: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}(/[1-9][0-9]{0,11})?$",
        description="of a score; CALL/ROW or BATCH/ROW of a call of many customers or of a batch",
    )
    customer_id: None = Field(  # type: ignore[assignment]  # the record names nobody
        description="always null: the record does not say who it is"
    )
    churn: RecordedChurn | None
    clv: RecordedClv | None
    value_at_risk: RecordedValueAtRisk | None  # type: ignore[assignment]
    segments: dict[WayName, RecordedSegment | None] | None  # type: ignore[assignment]
    at: str = Field(description="when it was recorded", json_schema_extra={"format": "date-time"})
    customer: str = Field(
        pattern=r"^[0-9a-f]{32}$",
        description="the record's name of the customer, which only the base's secret can give",
    )
    replayed: bool = Field(description="whether, computed anew, it is the score on record")
    why: str | None = Field(description="why it is not; then reasons are null")
