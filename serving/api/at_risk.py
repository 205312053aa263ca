"""The customers of the latest batch who may leave: which are asked for, and what is answered."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from serving.api.parts import BandName, Chance, Day, Digest, Digits, Parameters, Part, WayName


class AtRiskAsked(Parameters):
    """Which customers of the latest batch to list."""

    limit: Annotated[int, Digits] = Field(
        100, ge=1, le=1_000, description="how many customers at most"
    )
    segment: tuple[
        Annotated[
            str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}:[0-9]{1,9}$", examples=["behaviour:2"])
        ],
        ...,
    ] = Field(
        (),
        max_length=10,
        description="only customers of this segment, as WAY:ID; given again, of both",
    )
    band: BandName | None = Field(None, description="only customers whose risk is in this band")
    cursor: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,400}$")] | None = Field(
        None, description="the next page: what the page before has as `next`"
    )


class AtRisk(Part):
    """A customer of the latest batch who may leave."""

    customer_id: str
    score_id: str = Field(description="under which the score is on record")
    churn_probability: Chance
    band: BandName | None
    value_at_risk: float | None = Field(
        description="what is lost if they leave, as it is to be expected; null without a lifetime "
        "value"
    )
    segments: dict[WayName, int | None]


class AtRiskAnswer(Part):
    """Customers of the latest batch, those with most at stake first."""

    as_of: Day
    batch: str = Field(description="its entry in the record")
    release: Digest
    total: int = Field(ge=0, description="how many customers are asked for, on all pages")
    items: list[AtRisk]
    next: str | None = Field(description="the cursor of the next page; null on the last")
    currency: str
