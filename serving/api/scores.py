"""A customer's scores, each with its reasons."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from serving.api.parts import BandName, Chance, Coded, Day, Digest, Part, TaskName, WayName

Flag = Annotated[
    str,
    Field(pattern=r"^((unseen_category|missing|out_of_range):.+|old_features)$"),
]


DaysAhead = Annotated[str, Field(pattern=r"^[1-9][0-9]*$")]


class Reason(Part):
    """One idea that moved a value: its strongest feature, and what all its features add."""

    idea: str
    feature: str
    label: str
    value: float | str | None = Field(description="as it was used; null where it is missing")
    unit: str
    contribution: float = Field(description="on the scale of the value it explains")
    actionable: bool = Field(description="whether the company can act on it")
    text: str


class Directions(Part):
    """Reasons, the strongest first."""

    raises: list[Reason]
    lowers: list[Reason]


class Apart(Part):
    """What sets a segment apart, or puts the customer there, the strongest first."""

    apart: list[Reason]


class NextPurchase(Part):
    """When a purchase is as likely as not to have come."""

    days: int | None = Field(
        ge=1,
        description="the fewest days, counted as the horizon's, within which the customer is at "
        "least as likely to buy as not; null where that is more than a year, or the horizon if "
        "longer",
    )
    date: Day | None = Field(description="the last of these days, where as_of is known")
    text: str


class Churn(Part):
    """The risk that the customer leaves."""

    probability: Chance
    band: BandName | None = Field(
        description="by the thresholds that the base's config sets; null of a score from before"
    )
    no_purchase_within: dict[DaysAhead, Chance] | None = Field(
        description="where churn is silence: the chance that the customer buys nothing within so "
        "many days, which falls with the days; at the horizon it is the probability"
    )
    cancelled_within: dict[DaysAhead, Chance] | None = Field(
        description="where churn is cancelling: the chance of it within so many days, which rises "
        "with the days; at the horizon it is the probability"
    )
    next_purchase: NextPurchase | None = Field(
        description="null where churn is no silence, or the model was made without"
    )
    base: float = Field(description="the probability before any reason")
    margin: float = Field(description="log-odds before calibration")
    reasons: Directions


class Clv(Part):
    """What the customer is expected to be worth over the horizon."""

    value: float
    currency: str
    horizon_days: int
    intervals: dict[str, Annotated[list[float], Field(min_length=2, max_length=2)]] = Field(
        description="lower and upper end by level in percent"
    )
    base: float = Field(description="the value before any reason")
    margin: float
    reasons: Directions


class ValueAtRisk(Part):
    """The money that is expected to be lost by the customer's leaving."""

    amount: float = Field(ge=0, description="the chance of leaving × the value if they stay")
    if_stays: float = Field(description="what the customer is expected to bring if they stay")
    currency: str
    horizon_days: int = Field(description="over which the money would come: that of the CLV")


class Segment(Part):
    """The segment that the customer belongs to, of one way of telling customers apart."""

    id: int = Field(description="stays with the segment when the model is fitted again")
    name: str
    potential: float | None = Field(
        description="of the way by value: what customers alike spend at their best, in the "
        "currency and over the horizon of the lifetime value; null of other ways"
    )
    reasons: Apart


class Score(Part):
    """One customer's scores, as they stand in the record under `id`."""

    id: str = Field(
        pattern=r"^[0-9a-f]{32}(/[1-9][0-9]{0,5})?$",
        description="where it can be told again; the scores of a call of many customers have the "
        "call's id and a number",
    )
    customer_id: str
    as_of: str | None
    churn: Churn | None
    clv: Clv | None
    value_at_risk: ValueAtRisk | None = Field(description="where both churn and CLV have a score")
    segments: dict[WayName, Segment | None] | None = Field(
        description="one of each way that the base's customers are told apart by"
    )
    codes: dict[Coded, Literal["inactive", "out_of_range", "no_value"]] = Field(
        description="why a task or segments.WAY has no score: outside the population it may be "
        "asked about, features so extreme that the model has no finite answer, or no lifetime "
        "value that a segment by value is of"
    )
    flags: list[Flag] = Field(
        description="what is odd: a category not seen in training, a feature missing that hardly "
        "ever was, one beyond all values seen in training, features looked up that are old"
    )
    bundles: dict[TaskName, Digest] = Field(description="the model that was asked, by task")
